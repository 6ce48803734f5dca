// What makes the dashboard easy to use every day: keys, questions before harm, and honest states.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { REFUSED, UNAVAILABLE, launch, newProfile, newTab, signIn } from "../support/browser.js";
import { failedCheckout, ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

let server, browser, tab, page, owner, application;

before(async () => {
  server = await startServer();
  browser = await launch();
  owner = await signInElsewhere(server.url);
  tab = await newTab(await newProfile(browser, server.url));
  page = tab.page;
  await signIn(page);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const address = (path) => `/#/applications/${application.id}/${path}`;

test("the first page says that an application is one system, and each service gets a key", async () => {
  await page.getByText("An application is one system").waitFor();
  await page.getByText("Each service gets an API key of its own").waitFor();
  application = await owner.call("POST", "/applications", { name: "Shop" });
  const key = await owner.call("POST", `/apikey?ApplicationId=${application.id}`, { name: "k" });
  await ingest(server.url, key, "/ingest/traces", failedCheckout().traces);
});

test("snippets with a placeholder are on the page of keys", async () => {
  await page.goto(address("keys"));
  await page.getByText("Snippets for your services").click();
  for (const name of ["curl", "OpenTelemetry", "Grafana"]) {
    await page.getByRole("tab", { name, exact: true }).click();
    const snippet = await page.getByLabel("Snippet", { exact: true }).textContent();
    assert.ok(snippet.includes("YOUR_API_KEY") && snippet.includes(server.url), name);
  }
});

test("the dialog of a new key does not close before the key was copied", async () => {
  await page.goto(address("keys"));
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByLabel("Name").fill("careless");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.locator(".key-text").waitFor();
  const dialog = page.getByRole("dialog");
  for (let time = 0; time < 3; time += 1) await page.keyboard.press("Escape");
  await dialog.getByText("The key is not shown again.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  assert.ok(await page.locator(".key-text").isVisible());
  await page.evaluate(() => {
    navigator.clipboard.writeText = async () => {};
  });
  await dialog.locator(".key-box").getByRole("button", { name: "Copy" }).click();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

test("a shorter retention, which hides data, asks first", async () => {
  await page.goto(address("settings"));
  const retention = async () => (await owner.call("GET", `/applications/${application.id}`)).retentionDays;
  const before = await retention();
  await page.getByLabel("Retention in days").fill("3");
  const save = page.locator("form", { hasText: "Retention in days" }).getByRole("button", { name: "Save" });
  await save.click();
  const dialog = page.getByRole("dialog", { name: "Hide telemetry older than 3 days?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await retention(), before);
  await save.click();
  await dialog.getByRole("button", { name: "Keep 3 days only" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await retention(), 3);
  await page.getByLabel("Retention in days").fill("9");
  await save.click();
  await page.waitForFunction(() => document.getElementById("announcements").textContent === "Saved.");
  await page
    .locator("form", { hasText: "Retention in days" })
    .getByRole("button", { name: "Save", disabled: true })
    .waitFor();
  assert.equal(await retention(), 9, "a longer retention hides nothing, so nothing is asked");
});

test("audit entries are sentences", async () => {
  await page.goto(address("audit"));
  const entries = page.locator(".audit-row");
  await entries.first().waitFor();
  assert.match((await entries.allTextContents()).join("\n"), /You changed how long telemetry is kept/);
});

test("/ goes to the search, ? lists the keys, and neither disturbs typing", async () => {
  await page.goto(address("logs"));
  const search = page.getByRole("searchbox").first();
  await search.waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("/");
  assert.ok(await page.evaluate(() => document.activeElement.matches("input")));
  await page.keyboard.type("a/b?");
  assert.match(await page.evaluate(() => document.activeElement.value), /a\/b\?$/);
  await page.locator("h1").click();
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await dialog.getByText("Go to the search or filter").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

test("the menu of the account links to the description of the API", async () => {
  await page
    .getByLabel(/^Account of/)
    .first()
    .click();
  const link = page.getByRole("link", { name: "API reference" });
  assert.equal(await link.evaluate(({ href }) => new URL(href).pathname), "/docs");
  assert.equal((await fetch(await link.evaluate(({ href }) => href))).status, 200);
  await page.keyboard.press("Escape");
});

test("Live admits that the list is not up to date, until it is again", async () => {
  await page.goto(address("traces?window=15m"));
  await page.getByRole("button", { name: "Live" }).waitFor();
  await page.route("**/telemetry/traces?**", (route) => route.fulfill({ status: 503 }));
  await page.getByRole("button", { name: "Not up to date" }).waitFor();
  await page.unroute("**/telemetry/traces?**");
  await page.getByRole("button", { name: "Live" }).waitFor();
  tab.assertQuiet(UNAVAILABLE);
  tab.errors.length = 0;
});

test("after the session has ended, the next sign-in returns to the same page and filters", async () => {
  await page.goto(address("traces?window=15m&service=payments"));
  await page.locator(".trace-row").first().waitFor();
  const { hash } = new URL(page.url());
  const refused = (route) => route.fulfill({ status: 401 });
  for (const path of ["**/telemetry/**", "**/refresh"]) await page.route(path, refused);
  await page.waitForURL("**/login?reason=session_expired");
  await page.unrouteAll();
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: "Sign in as octocat" }).click();
  await page.locator(".trace-row").first().waitFor();
  assert.equal(new URL(page.url()).hash, hash);
  assert.ok(
    tab.errors.every((text) => text === REFUSED || /40[01]/.test(text)),
    tab.errors.join("\n"),
  );
});
