// What a browser loads from the dashboard function, and from the files of the checkout.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, notInFirefox, signIn } from "../support/browser.js";
import { startFromCheckout, startServer } from "../support/server.js";

/** Requests of a page that nothing is cached for, without those to the API. */
const MAX_REQUESTS = 6;

/** `loads` asks Chromium's developer tools. */
const CACHE = notInFirefox("the driver does not say which responses come from the cache");

let server, browser;

before(async () => {
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/**
 * Opens a page, and returns the responses that came from the server and not from the cache, except
 * those of the API and of the stand-in for GitHub.
 */
async function loads(page, path, ready) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  const fromMemory = new Set();
  const responses = new Map();
  devtools.on("Network.requestServedFromCache", ({ requestId }) => fromMemory.add(requestId));
  devtools.on("Network.responseReceived", ({ requestId, type, response }) => {
    const isFile = ["Document", "Stylesheet", "Script", "Image"].includes(type);
    const { pathname } = new URL(response.url);
    if (!isFile || pathname.startsWith("/github/") || response.fromDiskCache) return;
    responses.set(requestId, { path: pathname, status: response.status, headers: response.headers });
  });
  await page.goto(path);
  await ready(page);
  await page.waitForLoadState("networkidle");
  await devtools.detach();
  return [...responses].filter(([id]) => !fromMemory.has(id)).map(([, response]) => response);
}

const signInButton = (page) => page.getByRole("button", { name: "Sign in with GitHub" }).waitFor();

const account = (page) =>
  page
    .getByLabel(/^Account of/)
    .first()
    .waitFor();

const paths = (responses) => responses.map(({ path }) => path);

const assets = (responses) => paths(responses).filter((path) => path.startsWith("/assets/"));

test("the sign-in page loads with few requests", { skip: CACHE }, async () => {
  const tab = await newTab(await newProfile(browser, server.url));
  const loaded = await loads(tab.page, "/login", signInButton);
  assert.ok(loaded.length <= MAX_REQUESTS, paths(loaded).join(" "));
  assert.ok(assets(loaded).length >= 3, paths(loaded).join(" "));
  for (const { path, status, headers } of loaded) {
    assert.equal(status, 200, path);
    const encoding = path === "/config.js" ? undefined : "br";
    assert.equal(headers["content-encoding"], encoding, path);
  }
  tab.assertQuiet();
});

test("the dashboard loads with few requests, and a second visit without its files", {
  skip: CACHE,
}, async () => {
  const context = await newProfile(browser, server.url);
  await signIn((await newTab(context)).page);
  // A profile with the session, but without the cached files.
  const storageState = await context.storageState();
  const profile = await newProfile(browser, server.url, { storageState });
  const cold = await newTab(profile);
  const loaded = await loads(cold.page, "/", account);
  assert.ok(loaded.length <= MAX_REQUESTS, paths(loaded).join(" "));
  assert.ok(assets(loaded).length >= 3, paths(loaded).join(" "));
  cold.assertQuiet();
  const again = await newTab(profile);
  const second = await loads(again.page, "/", account);
  assert.deepEqual(assets(second), []);
  again.assertQuiet();
});

test("a visitor who is not signed in loads no file of the sign-in page twice", { skip: CACHE }, async () => {
  const tab = await newTab(await newProfile(browser, server.url));
  const loaded = await loads(tab.page, "/", signInButton);
  assert.equal(new URL(tab.page.url()).pathname, "/login");
  assert.equal(new Set(assets(loaded)).size, assets(loaded).length, paths(loaded).join(" "));
  tab.assertQuiet();
});

test("the policy of the header refuses scripts of other origins and inline scripts", async () => {
  const tab = await newTab(await newProfile(browser, server.url));
  await tab.page.goto("/login");
  await signInButton(tab.page);
  const ran = await tab.page.evaluate(() => {
    const script = document.createElement("script");
    try {
      script.textContent = "window.ran = true";
    } catch {
      return "refused by Trusted Types";
    }
    document.head.append(script);
    return String(window.ran);
  });
  assert.notEqual(ran, "true");
  assert.notDeepEqual(await tab.violations(), []);
});

test("without a bundle, the page loads the files of the checkout", { skip: CACHE }, async () => {
  const sources = await startFromCheckout();
  try {
    const tab = await newTab(await newProfile(browser, sources.url));
    const loaded = paths(await loads(tab.page, "/login", signInButton));
    assert.ok(loaded.includes("/app/login.js") && loaded.includes("/app/dom.js"), loaded.join(" "));
    assert.ok(!loaded.some((path) => path.startsWith("/assets/")), loaded.join(" "));
    tab.assertQuiet();
  } finally {
    await sources.stop();
  }
});
