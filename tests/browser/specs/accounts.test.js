// Links with the tokens of another account, and tabs whose account changes.

import { strict as assert } from "node:assert";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { addresses, launch, newProfile, newTab, signIn, stored } from "../support/browser.js";
import { signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

let server, browser, context, tab, page, mallory;

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
  mallory = await signInElsewhere(server.url, "mallory");
});

afterEach(() => context.close());

/** A link to the end of a sign-in, as an attacker or a frontend without a client state would write it. */
const linkWith = ({ token, refreshToken }) =>
  `/oauth-success#${new URLSearchParams({ token, refreshToken, expiresIn: "900" })}`;

const isSignedIn = (shown = page) =>
  shown
    .getByLabel(/^Account of/)
    .first()
    .waitFor();

const me = async () => {
  const headers = { authorization: `Bearer ${(await stored(page)).token}` };
  return (await (await fetch(`${server.url}/me`, { headers })).json()).login;
};

test("a link with tokens of another account changes nothing until the user accepts", async () => {
  await signIn(page);
  const before = await stored(page);
  await page.goto(linkWith(mallory.tokens));
  await page.getByRole("heading", { name: "Sign in as mallory?" }).waitFor();
  await page.getByText("mallory@users.example").waitFor();
  await page.getByText("You are signed in as The Octocat.").waitFor();
  assert.deepEqual(await stored(page), before);
  for (const address of await addresses(page))
    assert.ok(!address.includes(mallory.tokens.refreshToken), "a token in the history");
  await page.getByRole("button", { name: "Cancel" }).click();
  await isSignedIn();
  assert.deepEqual(await stored(page), before);
  tab.assertQuiet();
});

test("accepting a link with tokens signs in as the account that the page named", async () => {
  await page.goto(linkWith(mallory.tokens));
  await page.getByRole("button", { name: "Accept" }).click();
  await isSignedIn();
  assert.equal(await me(), "mallory");
  tab.assertQuiet();
});

test("a further link opened while the question is shown is read as well", async () => {
  await page.goto(linkWith(mallory.tokens));
  await page.getByRole("heading", { name: "Sign in as mallory?" }).waitFor();
  await page.goto("/oauth-success#garbage");
  await page.getByRole("alert").getByText("This sign-in link is damaged or has expired.").waitFor();
  for (const address of await addresses(page)) assert.ok(!address.includes("garbage"), address);
});

test("cancelling without a session leads to the sign-in page", async () => {
  await page.goto(linkWith(mallory.tokens));
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Sign in with GitHub" }).waitFor();
  assert.equal((await stored(page)).token, undefined);
});

test("the question names the account of the refresh token, whatever the link claims", async () => {
  const claims = Buffer.from(JSON.stringify({ sub: "583231", name: "octocat" })).toString("base64url");
  await page.goto(linkWith({ ...mallory.tokens, token: `e30.${claims}.e30` }));
  await page.getByRole("heading", { name: "Sign in as mallory?" }).waitFor();
});

test("a name with HTML is shown as text", async () => {
  const name = "<img src=x onerror=alert(1)>";
  const claims = Buffer.from(JSON.stringify({ sub: "7", name, email: "<b>x</b>" })).toString("base64url");
  await page.route("**/refresh", (route) =>
    route.fulfill({ json: { token: `e30.${claims}.e30`, refreshToken: "r", expiresIn: 900 } }),
  );
  await page.goto(linkWith(mallory.tokens));
  await page.getByRole("heading", { name: `Sign in as ${name}?` }).waitFor();
  await page.getByText("<b>x</b>").waitFor();
  tab.assertQuiet();
});

test("a damaged or expired link is explained, with a way to sign in and a way back", async () => {
  const { token, refreshToken } = mallory.tokens;
  for (const fragment of [
    `token=${token}`,
    `refreshToken=${refreshToken}`,
    `token=${token}&refreshToken=`,
    `token=%E0%A4%A&refreshToken=${refreshToken.slice(0, -1)}`,
    `token=${token}&refreshToken=%00%FF`,
    "garbage",
  ]) {
    // Chromium does not load a document again if only the fragment changes.
    await page.goto("about:blank");
    await page.goto(`/oauth-success#${fragment}`);
    await page.getByRole("alert").getByText("This sign-in link is damaged or has expired.").waitFor();
    await page.getByRole("button", { name: "Sign in with GitHub" }).waitFor();
    assert.equal((await stored(page)).token, undefined, fragment);
  }
  await signIn(page);
  await page.goto("about:blank");
  await page.goto("/oauth-success#garbage");
  await page.getByRole("alert").getByText("This sign-in link is damaged").waitFor();
  await page.getByRole("link", { name: "Go to the dashboard" }).click();
  await isSignedIn();
  assert.equal(await me(), "octocat");
});

/** A page that is not served over https has no Web Crypto. */
const withoutWebCrypto = () =>
  context.addInitScript(() => Object.defineProperty(Crypto.prototype, "subtle", { value: undefined }));

test("a tab without Web Crypto accepts the fragment of the sign-in that it started", async () => {
  await withoutWebCrypto();
  const fragment = page.waitForURL(/oauth-success/);
  await signIn(page);
  await fragment;
  assert.equal(await me(), "octocat");
  tab.assertQuiet();
});

test("a link opened in a tab that is signing in does not finish that sign-in", async () => {
  await withoutWebCrypto();
  for (const clientState of ["", "guessed", "null", "undefined"]) {
    await page.goto("/login");
    await page.getByRole("button", { name: "Sign in with GitHub" }).click();
    await page.getByRole("link", { name: "Sign in as octocat" }).waitFor();
    await page.goto(`${linkWith(mallory.tokens)}&clientState=${clientState}`);
    await page.getByRole("heading", { name: "Sign in as mallory?" }).waitFor();
    assert.equal((await stored(page)).token, undefined);
  }
});

test("another tab says that the account has changed, and shows no data of the other account", async () => {
  await signIn(page);
  const other = await newTab(context);
  await other.page.goto("/#/account");
  await other.page.getByText("this device").waitFor();
  const sent = [];
  await page.goto(linkWith(mallory.tokens));
  await page.getByRole("button", { name: "Accept" }).click();
  await isSignedIn();
  other.page.on("request", (request) => sent.push(request.url()));
  await other.page.getByRole("heading", { name: "The account has changed" }).waitFor();
  await other.page.getByText("You are now signed in as mallory.").waitFor();
  assert.equal(await other.page.getByText("this device").count(), 0);
  assert.equal(await other.page.getByLabel(/^Account of/).count(), 0);
  // The page polled every six seconds.
  await other.page.waitForTimeout(7_000);
  assert.deepEqual(sent, []);
  await other.page.getByRole("button", { name: "Reload" }).click();
  await other.page.getByLabel("Account of mallory").first().waitFor();
  tab.assertQuiet();
  other.assertQuiet();
});

test("a tab that missed the change sends no request with the token of the other account", async () => {
  await signIn(page);
  await page.goto("/#/account");
  await page.getByText("this device").waitFor();
  const authorizations = [];
  page.on("request", (request) => authorizations.push(request.headers().authorization));
  // A page gets no event for its own changes.
  await page.evaluate((tokens) => Object.assign(localStorage, tokens), mallory.tokens);
  await page.getByRole("heading", { name: "The account has changed" }).waitFor();
  assert.ok(!authorizations.includes(`Bearer ${mallory.tokens.token}`));
});

test("the link home leaves the note that the account has changed", async () => {
  await signIn(page);
  await page.goto("/#/account");
  await page.getByText("this device").waitFor();
  await page.evaluate((tokens) => Object.assign(localStorage, tokens), mallory.tokens);
  await page.getByRole("heading", { name: "The account has changed" }).waitFor();
  await page.getByRole("link", { name: "Upblit, your applications" }).click();
  await page.getByLabel("Account of mallory").first().waitFor();
});

test("a tab of the other account does not sign out the account that replaced it", async () => {
  await signIn(page);
  const menu = page.getByLabel(/^Account of/).first();
  await menu.click();
  await page.evaluate((tokens) => Object.assign(localStorage, tokens), mallory.tokens);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "The account has changed" }).waitFor();
  assert.equal((await stored(page)).refreshToken, mallory.tokens.refreshToken);
  assert.equal((await mallory.call("GET", "/me")).login, "mallory");
});

test("signing in again as the same account changes nothing in other tabs", async () => {
  await signIn(page);
  const other = await newTab(context);
  await other.page.goto("/#/account");
  await other.page.getByText("this device").waitFor();
  await page.evaluate(() => localStorage.clear());
  await signIn(page);
  await other.page.goto("/#/account");
  await other.page.getByText("this device").waitFor();
  const again = await signInElsewhere(server.url);
  await page.goto(linkWith(again.tokens));
  await page.getByRole("button", { name: "Accept" }).click();
  await isSignedIn();
  await other.page.waitForResponse("**/sessions");
  assert.equal(await other.page.getByRole("heading", { name: "The account has changed" }).count(), 0);
});

for (const reason of ["invalid_state", "login_expired"]) {
  test(`/login?reason=${reason} leads to the dashboard if the user is signed in`, async () => {
    await page.goto(`/login?reason=${reason}`);
    await page.getByRole("alert").waitFor();
    await signIn(page);
    await page.goto(`/login?reason=${reason}`);
    await isSignedIn();
    assert.equal(new URL(page.url()).pathname, "/");
    tab.assertQuiet();
  });
}

test("other reasons are shown to a user who is signed in, with a way back", async () => {
  await signIn(page);
  for (const reason of ["access_denied", "github_forbidden", "unavailable", "something_new"]) {
    await page.goto(`/login?reason=${reason}`);
    await page.getByRole("alert").waitFor();
    await page.getByRole("link", { name: "Go to the dashboard" }).waitFor();
  }
});

test("a session that has ended does not loop between the dashboard and the sign-in page", async () => {
  await page.goto("/login");
  await page.evaluate(() => {
    localStorage.token = "not.a.token";
    localStorage.refreshToken = "upblit_rt_ended";
  });
  let visits = 0;
  page.on("framenavigated", () => {
    visits += 1;
  });
  await page.route("**/refresh", (route) => route.fulfill({ status: 401, json: {} }));
  await page.goto("/login?reason=invalid_state");
  await page.waitForURL("**/login?reason=session_expired");
  await page.waitForTimeout(500);
  assert.ok(visits <= 4, `${visits} navigations`);
});

test("the causes of a refusal by GitHub are explained", async () => {
  await page.goto("/login?reason=github_forbidden");
  for (const cause of ["e-mail addresses", "organization", "too many requests"])
    await page.getByRole("alert").getByText(cause).waitFor();
});
