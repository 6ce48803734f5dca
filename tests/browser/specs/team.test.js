// Three people and one application: they are invited, sign in to accept, read, are refused a change, are
// promoted, are removed and leave.

import { strict as assert } from "node:assert";
import { after, before, test as nodeTest } from "node:test";
import { addresses, launch, newProfile, newTab, signIn } from "../support/browser.js";
import { startServer } from "../support/server.js";

let server, browser, ada, bob, eve, members;
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
  [ada, bob, eve] = await Promise.all(
    [0, 1, 2].map(async () => (await newTab(await newProfile(browser, server.url))).page),
  );
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Creates an invite with a role, and returns its link. */
async function invite(role) {
  await ada.getByRole("button", { name: "Invite", exact: true }).click();
  await ada.getByLabel("Role", { exact: true }).selectOption(role);
  await ada.getByRole("button", { name: "Create link" }).click();
  const link = await ada.locator(".key-text").textContent();
  await ada.getByRole("button", { name: "Done" }).click();
  return link;
}

/** Opens a link without a session, signs in as another account, and accepts. */
async function acceptAs(page, link, login) {
  await page.goto(link);
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByLabel("or under another name").fill(login);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { name: "Join Shop?" }).waitFor();
  await page.getByRole("button", { name: "Accept" }).click();
  await page.getByRole("link", { name: "Members", exact: true }).waitFor();
}

test("an owner invites by a link", async () => {
  await signIn(ada);
  await ada.getByRole("button", { name: "New application" }).click();
  await ada.getByLabel("Name").fill("Shop");
  await ada.getByRole("button", { name: "Create", exact: true }).click();
  await ada.getByRole("link", { name: "Members", exact: true }).click();
  await ada.getByText("No open invites").waitFor();
  members = ada.url();
});

test("others accept their invites through a sign-in, and no token stays in the history", async () => {
  const link = await invite("viewer");
  assert.match(link, /#\/invites\/upblit_invite_/);
  await acceptAs(bob, link, "bob");
  for (const address of await addresses(bob)) assert.ok(!address.includes("upblit_invite_"), address);
  await acceptAs(eve, await invite("member"), "eve");
});

test("a link works once", async () => {
  const link = await invite("viewer");
  await eve.goto(link);
  await eve.getByRole("button", { name: "Accept" }).click();
  await eve.getByText(/member of the application already/).waitFor();
  await ada.reload();
  await ada.getByRole("button", { name: "Withdraw" }).click();
  await ada.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
  await ada.getByText("No open invites").waitFor();
  await eve.reload();
  await eve.getByRole("heading", { name: "This invite is not valid" }).waitFor();
});

test("a viewer reads, and is offered no changes", async () => {
  await bob.goto(members);
  await bob.getByText("since").first().waitFor();
  assert.equal(await bob.getByRole("button", { name: "Invite", exact: true }).count(), 0);
  assert.equal(await bob.getByRole("button", { name: "Remove" }).count(), 0);
  await bob.getByRole("link", { name: "Keys", exact: true }).click();
  await bob.getByRole("heading", { name: "No keys yet" }).waitFor();
  assert.equal(await bob.getByRole("button", { name: "New key" }).count(), 0);
  await bob.getByRole("link", { name: "Settings", exact: true }).click();
  await bob.getByText("viewer").waitFor();
  assert.equal(await bob.getByRole("button", { name: "Save" }).count(), 0);
  assert.equal(await bob.getByRole("button", { name: "Delete application" }).count(), 0);
});

test("a promotion takes effect, and a removal shows whom to ask", async () => {
  await ada.reload();
  await ada.getByLabel("Role of bob").selectOption("member");
  await ada.getByText("bob is member now.").waitFor({ state: "attached" });
  await bob.reload();
  await bob.getByRole("button", { name: "Save" }).first().waitFor();
  await ada.getByRole("button", { name: "Remove bob" }).click();
  await ada.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await ada.getByRole("button", { name: "Remove bob" }).waitFor({ state: "detached" });
  await bob.reload();
  await bob.getByRole("heading", { name: "You have no access" }).waitFor();
  await bob.getByText("Ask an owner of the application").waitFor();
});

test("a member leaves, and the last owner cannot", async () => {
  await eve.goto(members);
  await eve.getByRole("button", { name: "Leave the application" }).click();
  await eve.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await eve.getByRole("heading", { name: "Create your first application" }).waitFor();
  await ada.getByRole("button", { name: "Leave the application" }).click();
  await ada.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await ada.getByText("an application needs an owner").waitFor();
});
