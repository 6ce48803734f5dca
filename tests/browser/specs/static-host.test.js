// The dashboard on a static file host, with the API at another origin.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, stored } from "../support/browser.js";
import { startServer } from "../support/server.js";
import { startStaticHost } from "../support/static-host.js";

let host, server, browser, tab, page;

before(async () => {
  host = await startStaticHost("/below/a/path");
  server = await startServer({ settings: { FRONTEND_URL: host.url } });
  host.setApi(server.url);
  browser = await launch();
  tab = await newTab(await newProfile(browser, host.url));
  page = tab.page;
});

after(async () => {
  await browser?.close();
  await server?.stop();
  host?.stop();
});

test("sign-in returns to the dashboard's origin", async () => {
  await page.goto(`${host.url}/`);
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: "Sign in as octocat" }).click();
  await page
    .getByLabel(/^Account of/)
    .first()
    .waitFor();
  assert.ok(page.url().startsWith(`${host.url}/#/`), page.url());
});

test("a test trace is sent with a new key", async () => {
  await page.getByRole("button", { name: "New application" }).click();
  await page.getByLabel("Name").fill("Elsewhere");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("button", { name: "New key" }).first().click();
  await page.getByLabel("Name").fill("a key");
  await page.getByRole("button", { name: "Create key" }).click();
  assert.ok(
    (await page.getByLabel("Snippet", { exact: true }).textContent()).includes(`${server.url}/ingest/traces`),
  );
  await page.getByRole("button", { name: "Send a test trace" }).click();
  await page.getByText("Received:").waitFor();
  await page.getByRole("link", { name: "GET /hello" }).click();
  await page.locator(".span-main").waitFor();
});

test("the page can send requests to its API only", async () => {
  const outcome = await page.evaluate(() => fetch("http://127.0.0.1:9/").then(() => "sent", String));
  assert.match(outcome, /TypeError/);
  const violation = "http://127.0.0.1:9/";
  const seen = await tab.violations();
  assert.ok(seen.length > 0 && seen.every((text) => text.includes(violation)), seen.join("\n"));
});

test("signing out leads to the host's sign-in page", async () => {
  await page
    .getByLabel(/^Account of/)
    .first()
    .click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${host.url}/login`);
  assert.equal((await stored(page)).token, undefined);
});
