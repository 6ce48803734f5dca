// When access tokens are renewed, and what happens while a response is late or never comes.

import { strict as assert } from "node:assert";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { LOST, launch, newProfile, newTab, notInFirefox, signIn, stored } from "../support/browser.js";
import { signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

/** Shorter than any time limit of a request, and long enough for a slow machine. */
const PROMPT_MS = 4_000;

let server, browser, context, tab, page;

before(async () => {
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  context = await newProfile(browser, server.url);
  tab = await newTab(context);
  page = tab.page;
});

afterEach(() => context.close());

const isSignedIn = (shown, options) => shown.getByText("this device").waitFor(options);

async function openAccount(shown) {
  await shown.goto("/#/account");
  await isSignedIn(shown);
}

/** Never responds to a request. */
const hang = () => {};

const count = (shown, path) => {
  const seen = [];
  shown.on("request", (request) => {
    if (request.url().endsWith(path)) seen.push(request);
  });
  return seen;
};

test("an access token is renewed in its last five minutes, and not before", async () => {
  await page.clock.install();
  await signIn(page);
  await openAccount(page);
  const now = await page.evaluate(() => Date.now());
  const { token, tokenRenewAt, tokenExpiresAt } = await stored(page);
  const [renewAt, expiresAt] = [Number(tokenRenewAt), Number(tokenExpiresAt)];
  assert.ok(expiresAt <= now + 900_000 && expiresAt > now + 850_000);
  assert.ok(renewAt >= expiresAt - 300_000 && renewAt <= expiresAt - 30_000);

  const refreshes = count(page, "/refresh");
  const untilThen = renewAt - (await page.evaluate(() => Date.now()));
  await Promise.all([page.waitForResponse("**/sessions"), page.clock.fastForward(untilThen - 30_000)]);
  await page.waitForTimeout(500);
  assert.equal(refreshes.length, 0);
  assert.equal((await stored(page)).token, token);

  await Promise.all([page.waitForResponse("**/refresh"), page.clock.fastForward(31_000)]);
  await page.waitForFunction((before) => localStorage.token !== before, token);
  assert.equal(refreshes.length, 1);
  assert.ok(Number((await stored(page)).tokenRenewAt) > renewAt);
  tab.assertQuiet();
});

test("a renewal that is due sends no rejected request, and delays none", async () => {
  await signIn(page);
  await openAccount(page);
  const other = await newTab(context);
  await context.route("**/refresh", hang);
  // A page that polls would send a refresh at once, which its next load would abort and repeat.
  await page.goto("/login?reason=unavailable");
  await page.evaluate(() => localStorage.setItem("tokenRenewAt", "0"));
  const refreshes = count(context, "/refresh");
  await page.goto("/#/account");
  await isSignedIn(page, { timeout: PROMPT_MS });
  await other.page.goto("/#/account");
  await isSignedIn(other.page, { timeout: PROMPT_MS });
  assert.equal(refreshes.length, 1, "one tab renews for both");
  tab.assertQuiet();
  other.assertQuiet();
});

test("the response to a refresh is not stored if another session is stored meanwhile", async () => {
  await signIn(page);
  await openAccount(page);
  const other = await newTab(context);
  await other.page.goto("/login?reason=unavailable");
  let answer;
  const answered = new Promise((resolve) => {
    answer = resolve;
  });
  const late = async (route) => {
    await answered;
    await route.continue();
  };
  await page.route("**/refresh", late, { times: 1 });
  await Promise.all([
    page.waitForRequest("**/refresh"),
    page.evaluate(() => localStorage.setItem("tokenRenewAt", "0")),
  ]);
  const { tokens } = await signInElsewhere(server.url);
  const times = { tokenRenewAt: Date.now() + 600_000, tokenExpiresAt: Date.now() + 900_000 };
  await other.page.evaluate((them) => Object.assign(localStorage, them), { ...tokens, ...times });
  await Promise.all([page.waitForResponse("**/refresh"), answer()]);
  await page.waitForResponse("**/sessions");
  const now = await stored(page);
  assert.deepEqual([now.token, now.refreshToken], [tokens.token, tokens.refreshToken]);
  tab.assertQuiet();
});

test("a hung refresh of one tab delays another tab for a limited time", async () => {
  await signIn(page);
  await openAccount(page);
  const other = await newTab(context);
  await page.route("**/refresh", hang);
  const started = Date.now();
  await Promise.all([
    page.waitForRequest("**/refresh"),
    page.evaluate(() => localStorage.setItem("tokenExpiresAt", "0")),
  ]);
  await other.page.goto("/#/account");
  await isSignedIn(other.page, { timeout: 15_000 });
  assert.ok(Date.now() - started < 20_000);
  // The first tab continues with the token of the second.
  await page.waitForResponse("**/sessions");
  tab.assertQuiet();
});

test("a hung refresh does not delay signing out", async () => {
  await signIn(page);
  await openAccount(page);
  const other = await newTab(context);
  await openAccount(other.page);
  await context.route("**/refresh", hang);
  await Promise.all([
    page.waitForRequest("**/refresh"),
    page.evaluate(() => localStorage.setItem("tokenExpiresAt", "0")),
  ]);
  await page.getByRole("button", { name: "Sign out here" }).click();
  await page.waitForURL("**/login", { timeout: PROMPT_MS });
  await other.page.waitForURL("**/login", { timeout: PROMPT_MS });
  assert.equal((await stored(page)).refreshToken, undefined);
});

test("a server that does not answer a sign-out delays it for a limited time", async () => {
  await signIn(page);
  await openAccount(page);
  const other = await newTab(context);
  await openAccount(other.page);
  await page.route("**/logout", hang);
  await page.getByRole("button", { name: "Sign out here" }).click();
  await other.page.waitForURL("**/login", { timeout: PROMPT_MS });
  assert.equal((await stored(other.page)).refreshToken, undefined);
  await page.waitForURL("**/login", { timeout: 10_000 });
  tab.assertQuiet();
});

test("a page waits as long as Retry-After asks for", async () => {
  await signIn(page);
  await openAccount(page);
  const times = [];
  await page.route("**/sessions", (route) => {
    times.push(Date.now());
    return route.fulfill({ status: 503, headers: { "retry-after": "12" }, json: { detail: "busy" } });
  });
  await page.getByText("Busy.").waitFor();
  await page.waitForTimeout(13_000);
  assert.equal(times.length, 2);
  assert.ok(times[1] - times[0] >= 11_900, `${times[1] - times[0]} ms`);
});

/** A request is sent for the page by `route.fetch`, which needs its body. */
const BODIES = notInFirefox("the driver does not know the body of a request that it holds");

test("a sign-in succeeds although the first response to its code is lost", { skip: BODIES }, async () => {
  const lost = async (route) => {
    const response = await route.fetch();
    assert.equal(response.status(), 200);
    await route.abort();
  };
  await page.route("**/oauth2/token", lost, { times: 1 });
  await signIn(page);
  await openAccount(page);
  tab.assertQuiet(LOST);
});
