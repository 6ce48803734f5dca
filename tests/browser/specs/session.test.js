// Sessions: one tab at a time renews them without interruption, and a server error does not end them.

import { strict as assert } from "node:assert";
import { after, before, beforeEach, afterEach, test } from "node:test";
import {
  REFUSED,
  UNAVAILABLE,
  addresses,
  launch,
  newProfile,
  newTab,
  signIn,
  stored,
} from "../support/browser.js";
import { signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const SHORT_TTL = "4s";
let server, shortLived, browser, context, tab, page;

before(async () => {
  [server, shortLived] = await Promise.all([
    startServer(),
    startServer({ settings: { ACCESS_TOKEN_TTL: SHORT_TTL } }),
  ]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), shortLived?.stop()]);
});

beforeEach(() => openTab(server));
afterEach(() => context.close());

/** Opens a tab on a server in a new browser profile. */
async function openTab({ url }) {
  await context?.close();
  context = await newProfile(browser, url);
  tab = await newTab(context);
  page = tab.page;
}

const countRefreshes = () => {
  const seen = [];
  context.on("request", (request) => {
    if (request.url().endsWith("/refresh")) seen.push(request);
  });
  return seen;
};

const isSignedIn = () =>
  page
    .getByLabel(/^Account of/)
    .first()
    .waitFor();

/** Makes the page consider the renewal of its access token due. */
const makeRenewalDue = () => page.evaluate(() => localStorage.setItem("tokenRenewAt", "0"));

test("an access token is renewed before it expires, without a rejected request", async () => {
  await openTab(shortLived);
  await signIn(page);
  const { token } = await stored(page);
  await page.goto("/#/account");
  await page.waitForResponse("**/refresh");
  await page.waitForFunction((before) => localStorage.token !== before, token);
  await page.reload();
  await page.getByText("this device").waitFor();
  tab.assertQuiet();
});

test("a rejected access token is renewed, and the request is sent again", async () => {
  await signIn(page);
  await page.evaluate(() => localStorage.setItem("token", "not.a.token"));
  await page.reload();
  await isSignedIn();
  assert.match((await stored(page)).token, /^eyJ/);
  tab.assertQuiet(REFUSED);
});

test("two tabs that renew at the same time send one refresh request", async () => {
  await signIn(page);
  const other = await newTab(context);
  await other.page.goto("/#/account");
  await other.page.getByText("this device").waitFor();
  const before = await stored(page);
  // A page that polls would send a refresh at once, which its next load would abort and repeat.
  await Promise.all([page, other.page].map((shown) => shown.goto("/login?reason=unavailable")));
  const refreshes = countRefreshes();
  await makeRenewalDue();
  await Promise.all([page.goto("/"), other.page.goto("/#/account")]);
  await Promise.all([isSignedIn(), other.page.getByText("this device").waitFor()]);
  // The renewal delays no request, so it may end after them.
  await page.waitForFunction((token) => localStorage.token !== token, before.token);
  assert.equal(refreshes.length, 1);
  tab.assertQuiet();
  other.assertQuiet();
});

test("ten tabs with a rejected token send one refresh request", async () => {
  await signIn(page);
  const others = await Promise.all(Array.from({ length: 9 }, () => newTab(context)));
  await page.evaluate(() => localStorage.setItem("token", "not.a.token"));
  const refreshes = countRefreshes();
  await Promise.all(others.map((other) => other.page.goto("/#/account")));
  await Promise.all(others.map((other) => other.page.getByText("this device").waitFor()));
  assert.equal(refreshes.length, 1);
});

test("a session ended on another device leads to the sign-in page with the reason", async () => {
  await openTab(shortLived);
  await signIn(page);
  const elsewhere = await signInElsewhere(shortLived.url);
  const { sessions } = await elsewhere.call("GET", "/sessions");
  const [mine] = sessions.filter(({ current }) => !current);
  await page.goto("/#/account");
  await page.getByText("this device").waitFor();
  await elsewhere.call("DELETE", `/sessions/${mine.id}`);
  await page.waitForURL("**/login?reason=session_expired");
  await page.getByRole("alert").getByText("Your session has ended.").waitFor();
  assert.equal((await stored(page)).token, undefined);
  tab.assertQuiet(REFUSED);
});

test("sign-in returns to the page that required it", async () => {
  await page.goto("/#/account");
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: "Sign in as octocat" }).click();
  await page.getByText("this device").waitFor();
  assert.equal(new URL(page.url()).hash, "#/account");
});

test("a 503 from /refresh shows an error that can be retried, and keeps the session", async () => {
  await signIn(page);
  const before = await stored(page);
  await page.route("**/refresh", (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      body: '{"title":"Unavailable","status":503,"detail":"try again in a moment"}',
    }),
  );
  await page.evaluate(() => localStorage.setItem("token", "not.a.token"));
  await page.reload();
  await page.getByText("Try again in a moment.").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  assert.equal((await stored(page)).refreshToken, before.refreshToken);
  await page.unroute("**/refresh");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Create your first application" }).waitFor();
  tab.assertQuiet(REFUSED, UNAVAILABLE);
});

test("a 503 from /refresh is not shown while the access token is valid", async () => {
  await signIn(page);
  await page.route("**/refresh", (route) => route.fulfill({ status: 503, body: "{}" }));
  await makeRenewalDue();
  await Promise.all([page.waitForResponse("**/refresh"), page.reload()]);
  await page.getByRole("heading", { name: "Create your first application" }).waitFor();
  tab.assertQuiet(UNAVAILABLE);
});

test("signing out in one tab signs out the others", async () => {
  await signIn(page);
  const other = await newTab(context);
  await other.page.goto("/");
  await other.page
    .getByLabel(/^Account of/)
    .first()
    .click();
  await other.page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/login");
});

test("tokens in the fragment are stored and removed from the address and the history", async () => {
  // Without a PKCE challenge, tokens are returned in the fragment. This tab did not start the sign-in.
  await page.goto("/oauth2/authorization/github?login=octocat");
  await page.getByRole("button", { name: "Accept" }).click();
  await isSignedIn();
  const { token, refreshToken } = await stored(page);
  assert.match(refreshToken, /^upblit_rt_/);
  for (const address of await addresses(page))
    assert.ok(!address.includes(token) && !address.includes(refreshToken), "a token in the history");
  tab.assertQuiet();
});

test("/oauth-success without a code, or with the code of another user, does not sign in", async () => {
  await page.goto("/oauth-success");
  await page.waitForURL("**/login?reason=invalid_state");
  await page.goto("/oauth-success?code=someone-elses");
  await page.waitForURL("**/login?reason=invalid_state");
  assert.equal((await stored(page)).token, undefined);
  tab.assertQuiet();
});

test("a failed sign-in shows the reason, and an unknown reason shows a general message", async () => {
  await page.goto("/");
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByRole("alert").getByText("You cancelled the sign-in on GitHub.").waitFor();
  await page.goto("/login?reason=<img src=x onerror=alert(1)>");
  await page.getByRole("alert").getByText("Signing in did not work.").waitFor();
  await page.goto("/login?reason=constructor");
  await page.getByRole("alert").getByText("Signing in did not work.").waitFor();
  tab.assertQuiet();
});

test("sessions are listed, and all others can be ended together", async () => {
  await signIn(page);
  const elsewhere = await signInElsewhere(server.url);
  await page.goto("/#/account");
  await page.getByText("another device").first().waitFor();
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await page.getByRole("button", { name: "Sign out others" }).click();
  await page.getByText("another device").first().waitFor({ state: "detached" });
  const refused = await fetch(`${server.url}/refresh`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refreshToken: elsewhere.tokens.refreshToken }),
  });
  assert.equal(refused.status, 401);
  await page.getByText("this device").waitFor();
});

test("a hidden tab sends no requests, and refreshes when it is shown", async () => {
  await signIn(page);
  await page.goto("/#/account");
  await page.getByText("this device").waitFor();
  let requestCount = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/sessions")) requestCount += 1;
  });
  const setHidden = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await page.waitForRequest("**/sessions");
  await setHidden(true);
  // A request that was in progress or due may still be sent.
  await page.waitForTimeout(7_000);
  const countBefore = requestCount;
  await page.waitForTimeout(8_000);
  assert.equal(requestCount, countBefore);
  await Promise.all([page.waitForRequest("**/sessions"), setHidden(false)]);
});
