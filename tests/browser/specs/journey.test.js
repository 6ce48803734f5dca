// From the first sign-in to the first trace, and through all pages.

import { strict as assert } from "node:assert";
import { after, before, test as nodeTest } from "node:test";
import { addresses, launch, newProfile, newTab, signIn, stored } from "../support/browser.js";
import { failedCheckout, ingest } from "../support/client.js";
import { startServer } from "../support/server.js";

let server, browser, context, tab, page, key;
const checkout = failedCheckout();
let hasFailed = false;

/** A step of the journey. Skipped if an earlier step has failed, because it depends on that. */
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
  context = await newProfile(browser, server.url);
  tab = await newTab(context);
  page = tab.page;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("an anonymous visitor signs in with an authorization code", async () => {
  const redeemed = page.waitForResponse("**/oauth2/token");
  await signIn(page);
  assert.equal((await redeemed).status(), 200);
  assert.equal(new URL(page.url()).pathname, "/");
  const { token, refreshToken } = await stored(page);
  assert.match(token, /^eyJ/);
  assert.match(refreshToken, /^upblit_rt_/);
});

test("the address and the history contain no code and no token", async () => {
  const { token, refreshToken } = await stored(page);
  // The callback with GitHub's code is a redirect, so it is not in the history.
  for (const address of await addresses(page)) {
    assert.doesNotMatch(address, /code=|token=/i);
    assert.ok(!address.includes(token) && !address.includes(refreshToken));
  }
});

test("an application is created", async () => {
  await page.getByRole("button", { name: "New application" }).click();
  await page.getByLabel("Name").fill("Storefront");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("heading", { name: "No keys yet" }).waitFor();
});

test("a new key is shown once, with snippets that use it", async () => {
  await page.getByRole("button", { name: "New key" }).first().click();
  await page.getByLabel("Name").fill("storefront-eu");
  await page.getByRole("button", { name: "Create key" }).click();
  key = await page.locator(".key-text").textContent();
  assert.match(key, /^upblit_live_[0-9A-Za-z]{57}$/);
  for (const name of ["curl", "OpenTelemetry", "Express", "Python", "Go"]) {
    await page.getByRole("tab", { name }).click();
    const snippet = await page.getByLabel("Snippet", { exact: true }).textContent();
    assert.ok(snippet.includes(key) && snippet.includes(server.url), name);
  }
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByText("storefront-eu").waitFor();
  assert.ok(!(await page.content()).includes(key), "the key is removed with the dialog");
});

test("the first trace appears without a reload", async () => {
  await page.getByRole("link", { name: "Traces", exact: true }).click();
  await page.getByRole("heading", { name: "Waiting for your first trace…" }).waitFor();
  await page.evaluate(() => {
    window.isTheSamePage = true;
  });
  assert.equal((await ingest(server.url, key, "/ingest/traces", checkout.traces)).accepted, 3);
  await ingest(server.url, key, "/ingest/logs", checkout.logs);
  await page.getByRole("link", { name: /502\s*POST \/checkout/ }).waitFor();
  assert.ok(await page.evaluate(() => window.isTheSamePage));
});

test("the waterfall shows the tree of spans and the logs of a span", async () => {
  await page.getByRole("link", { name: /POST \/checkout/ }).click();
  const spans = page.getByRole("list", { name: "Spans" }).locator(".span-main");
  await spans.first().waitFor();
  assert.deepEqual(await spans.locator(".label").allTextContents(), [
    "POST /checkout",
    "POST /payments",
    "POST /accounts",
  ]);
  await spans.nth(1).click();
  await page.getByText("A-1042").waitFor();
  await page.getByText("the card processor did not answer").first().waitFor();
});

test("the waterfall is usable with the keyboard", async () => {
  const names = page.locator(".span-main");
  await names.first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowLeft");
  await names.nth(2).waitFor({ state: "hidden" });
  await page.keyboard.press("ArrowRight");
  await names.nth(2).waitFor();
});

test("a reload keeps the session and the open span", async () => {
  await page.reload();
  await page.getByRole("heading", { name: /POST \/checkout/ }).waitFor();
  await page.getByText("A-1042").waitFor();
});

test("logs are filtered by level and link to their trace", async () => {
  await page.getByRole("link", { name: "Logs", exact: true }).click();
  await page.getByRole("button", { name: "error" }).click();
  await page.getByText("the card processor did not answer").click();
  await page.getByRole("link", { name: "Open the trace" }).click();
  await page.getByRole("heading", { name: /POST \/checkout/ }).waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "debug" }).click();
  await page.getByRole("button", { name: "error", pressed: true }).click();
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
});

test("metrics count the request, and charts show values with the keyboard", async () => {
  await page.getByRole("link", { name: "Metrics", exact: true }).click();
  const tile = page.locator(".tile").first();
  await tile.waitFor();
  assert.match(await tile.textContent(), /Requests1in/);
  const chart = page.locator(".chart").first();
  await chart.focus();
  await page.keyboard.press("End");
  await chart.locator(".tip").waitFor();
  assert.match(await chart.locator(".tip").textContent(), /all/);
});

test("traces are filtered, and a reload keeps the filter", async () => {
  await page.getByRole("link", { name: "Traces", exact: true }).click();
  await page.getByLabel("Name, service or trace id").fill("no such thing");
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  await page.getByLabel("Name, service or trace id").fill("CHECKOUT");
  await page.getByRole("link", { name: /POST \/checkout/ }).waitFor();
  await page.reload();
  await page.getByRole("link", { name: /POST \/checkout/ }).waitFor();
  assert.equal(await page.getByLabel("Name, service or trace id").inputValue(), "CHECKOUT");
});

test("a key is disabled, enabled, rotated and revoked", async () => {
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  const act = async (name) => {
    await page.getByLabel("Actions for storefront-eu").click();
    await page.getByRole("button", { name }).click();
  };
  await act("Disable");
  await page.getByText("disabled", { exact: true }).waitFor();
  await act("Enable");
  await page.getByText("active", { exact: true }).waitFor();
  await act("Rotate…");
  await page.getByRole("button", { name: "Rotate", exact: true }).click();
  const secret = await page.locator(".key-text").textContent();
  assert.notEqual(secret, key);
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByText(/The old secret .* works until/).waitFor();
  await act("Revoke…");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("revoked", { exact: true }).waitFor();
});

test("the audit log lists all changes", async () => {
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  for (const what of [
    "revoked the key",
    "rotated the key",
    "enabled the key",
    "disabled the key",
    "created the key",
    "created the application",
  ]) {
    await page.getByText(what).first().waitFor();
  }
});

test("an application is renamed, and deleted after its name was typed", async () => {
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByLabel("Name").fill("Shop <b>front</b>");
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.locator(".place-name", { hasText: "Shop <b>front</b>" }).waitFor();
  await page.getByRole("button", { name: "Delete application" }).click();
  const confirm = page.getByRole("button", { name: "Delete permanently" });
  await page.getByLabel(/to confirm/).fill("Shop");
  assert.ok(await confirm.isDisabled());
  await page.getByLabel(/to confirm/).fill("Shop <b>front</b>");
  await confirm.click();
  await page.getByRole("heading", { name: "Create your first application" }).waitFor();
});

test("a reload keeps the chosen theme", async () => {
  await page.getByRole("button", { name: "Switch to dark" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Switch to light" }).waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
  await page.getByRole("button", { name: "Switch to light" }).click();
});

test("signing out deletes the tokens", async () => {
  await page.getByLabel(/^Account of/).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with GitHub" }).waitFor();
  const { token, refreshToken } = await stored(page);
  assert.equal(token ?? refreshToken, undefined);
});

test("the console has no errors and no policy violations", () => tab.assertQuiet());
