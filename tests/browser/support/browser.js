// A browser that notices what nobody would see: errors in the console, and
// everything that the Content Security Policy forbade.

import { strict as assert } from "node:assert";
import { chromium } from "playwright-core";

/** How long to wait for anything; generous, as machines are slow. */
const PATIENCE_MS = 20_000;

/** What Chromium writes for a 401: a page cannot keep it from doing so. */
export const REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)";

/** The same of a 503. */
export const UNAVAILABLE = "Failed to load resource: the server responded with a status of 503 (Service Unavailable)";

export const launch = (options = {}) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Root has no user namespaces to build a sandbox from.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    ...options,
  });

/** A profile of its own: cookies, storage. @param {import("playwright-core").Browser} browser @param {string} baseURL */
export async function newProfile(browser, baseURL, options = {}) {
  const context = await browser.newContext({ baseURL, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** A tab, and what went wrong in it. @param {import("playwright-core").BrowserContext} context */
export async function newTab(context) {
  const page = await context.newPage();
  const troubles = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) troubles.push(message.text()); });
  page.on("pageerror", (error) => troubles.push(String(error.stack)));
  return {
    page,
    troubles,
    /** Nothing went wrong, but for these lines. @param {...string} expected */
    assertQuiet(...expected) {
      assert.deepEqual(troubles.filter((text) => !expected.includes(text)), []);
      for (const text of expected) assert.ok(troubles.includes(text), `expected: ${text}`);
    },
  };
}

/** Signs in by clicking, as a person does. @param {import("playwright-core").Page} page */
export async function signIn(page) {
  await page.goto("/");
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: "Sign in as octocat" }).click();
  await page.getByRole("button", { name: /^Account of/ }).or(page.getByLabel(/^Account of/)).first().waitFor();
}

/** Every address in the tab's history. @param {import("playwright-core").Page} page */
export async function addresses(page) {
  const session = await page.context().newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  await session.detach();
  return entries.map(({ url }) => url);
}

/** What the page keeps. @param {import("playwright-core").Page} page */
export const stored = (page) => page.evaluate(() => ({ ...localStorage }));
