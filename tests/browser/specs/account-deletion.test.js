// A copy of everything stored about a user, and the deletion of the account.

import { strict as assert } from "node:assert";
import { after, before, test as nodeTest } from "node:test";
import { downloaded, launch, newProfile, newTab, open, signIn, stored } from "../support/browser.js";
import { startServer } from "../support/server.js";

let server, browser, tab, page, bob;
let hasFailed = false;

/** A step of the walkthrough. Skipped if an earlier step has failed, because it depends on that. */
function test(name, step) {
  nodeTest(name, async (t) => {
    if (hasFailed) return t.skip("an earlier step failed");
    hasFailed = true;
    await step(t);
    hasFailed = false;
  });
}

before(async () => {
  server = await startServer();
  browser = await launch();
  tab = await newTab(await newProfile(browser, server.url, { acceptDownloads: true }));
  page = tab.page;
  bob = (await newTab(await newProfile(browser, server.url))).page;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const button = (name, shown = page) => shown.getByRole("button", { name, exact: true });

async function createApplication(name) {
  await open(page, "/#/applications");
  await button("New application").or(button("Create application")).first().click();
  await page.getByLabel("Name").fill(name);
  await button("Create").click();
  await page.getByRole("link", { name: "Members", exact: true }).click();
  await button("Invite").waitFor();
}

const toAccount = async () => {
  await page.goto("/#/account");
  await button("Delete account").waitFor();
};

/** Confirms a dialog with the name of the account. */
async function confirm(action) {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("octocat");
  await dialog.getByRole("button", { name: action, exact: true }).click();
}

test("an invite for one account is refused to others", async () => {
  await signIn(page);
  await createApplication("Shared");
  await button("Invite").click();
  await page.getByLabel("Role", { exact: true }).selectOption("owner");
  await page.getByLabel("GitHub account (optional)").fill("bob");
  await button("Create link").click();
  const link = await page.locator(".key-text").textContent();
  await button("Done").click();
  await page.getByText("For bob as owner").waitFor();
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  await page.getByText(/You invited GitHub account \d+ as owner/).waitFor();
  await page.goto(link);
  await page.getByRole("heading", { name: "This invite is not valid" }).waitFor();

  await bob.goto(link);
  await button("Sign in with GitHub", bob).click();
  await bob.getByLabel("or under another name").fill("bob");
  await button("Sign in", bob).click();
  await button("Accept", bob).click();
  await bob.getByRole("link", { name: "Members", exact: true }).waitFor();
  await createApplication("Alone");
});

test("a copy of everything stored is downloaded as one file", async () => {
  await toAccount();
  const save = async () => {
    await button("Download your data").click();
    await page.getByText("Your data was downloaded.").waitFor({ state: "attached" });
  };
  const data = JSON.parse(await downloaded(page, "upblit-account.json", save));
  assert.equal(data.profile.login, "octocat");
  const names = data.memberships.map(({ applicationName }) => applicationName);
  assert.deepEqual(names.sort(), ["Alone", "Shared"]);
  assert.ok(data.applicationLog.length >= 3);
});

test("with a session that is too old, the user signs in and returns to the account", async () => {
  const body = JSON.stringify({ type: "urn:upblit:problem:sign-in-again", status: 403 });
  const refuse = (route) =>
    route.request().method() === "DELETE" ? route.fulfill({ status: 403, body }) : route.continue();
  await page.route("**/me", refuse);
  await button("Delete account").click();
  await confirm("Delete account");
  await page.getByRole("heading", { name: "Sign in again first" }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Sign in again" }).click();
  await page.getByRole("link", { name: "Sign in as octocat" }).click();
  await page.unroute("**/me", refuse);
  await button("Delete account").waitFor();
  assert.ok(page.url().endsWith("#/account"), page.url());
});

test("applications without another owner are listed before anything is deleted", async () => {
  await button("Delete account").click();
  const dialog = page.getByRole("dialog");
  assert.ok(await dialog.getByRole("button", { name: "Delete account", exact: true }).isDisabled());
  await confirm("Delete account");
  await page.getByRole("heading", { name: "Delete your applications, too?" }).waitFor();
  assert.deepEqual(await dialog.getByRole("listitem").count(), 1);
  await dialog.getByText("Alone").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.ok((await stored(page)).refreshToken, "still signed in");
});

test("the account is deleted with these applications, and the page says so", async () => {
  await button("Delete account").click();
  await confirm("Delete account");
  await page.getByRole("heading", { name: "Delete your applications, too?" }).waitFor();
  await confirm("Delete account and applications");
  await page.getByText("Your account is deleted.").waitFor();
  assert.deepEqual(await stored(page), {});
});

test("others see that the user is deleted, and keep the application", async () => {
  await bob.getByRole("link", { name: "Members", exact: true }).click();
  await bob.getByText("since").first().waitFor();
  assert.equal(await bob.getByLabel("Members").getByRole("listitem").count(), 1);
  await bob.getByRole("link", { name: "Audit", exact: true }).click();
  await bob
    .getByText(/Deleted user \d+/)
    .first()
    .waitFor();
  await bob.getByText(/Deleted user \d+ left/).waitFor();
});

test("a new sign-in starts with a new account", async () => {
  await signIn(page);
  await page.getByRole("heading", { name: "Create your first application" }).waitFor();
});
