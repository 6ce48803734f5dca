// Browser tabs that record console errors and violations of the Content Security Policy.

import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { IS_FIREFOX, keepAddresses, keptAddresses, launchFirefox, savedFile } from "./firefox.js";

/** Time limit of each wait. Generous, for slow machines. */
const TIMEOUT_MS = 20_000;

/** Why a test is skipped in Firefox, as the option `skip` of `node:test`. @param {string} reason */
export const notInFirefox = (reason) => IS_FIREFOX && reason;

/** Chromium's console message for a 401, which a page cannot suppress. */
export const REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)";

/** Chromium's console message for a 503. */
export const UNAVAILABLE =
  "Failed to load resource: the server responded with a status of 503 (Service Unavailable)";

/** Chromium's console message for a response that a spec has dropped. */
export const LOST = "Failed to load resource: net::ERR_FAILED";

/** Messages of a violation. Chromium writes the name with spaces or in another way for Trusted Types. */
const VIOLATION = /Content.Security.Policy|TrustedScript/;

/** Console messages that Firefox does not have: it reports a failed request to developer tools only. */
const OF_CHROMIUM = [REFUSED, UNAVAILABLE, LOST];

export const launch = (options = {}) => (IS_FIREFOX ? launchFirefox(options) : launchChromium(options));

const launchChromium = (options) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Chromium's sandbox does not work for root.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    ...options,
  });

/** Opens a new browser profile with empty cookies and storage. @param {import("playwright-core").Browser} browser @param {string} baseURL */
export async function newProfile(browser, baseURL, options = {}) {
  const context = await browser.newContext({ baseURL, ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  if (IS_FIREFOX) await keepAddresses(context);
  return context;
}

/** Opens a tab that records its console errors and warnings. @param {import("playwright-core").BrowserContext} context */
export async function newTab(context) {
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error.stack)));
  return {
    page,
    errors,
    /** Asserts that exactly the expected messages were recorded. @param {...string} expected */
    assertQuiet(...expected) {
      assert.deepEqual(
        errors.filter((text) => !expected.includes(text)),
        [],
      );
      const inThisBrowser = expected.filter((text) => !IS_FIREFOX || !OF_CHROMIUM.includes(text));
      for (const text of inThisBrowser) assert.ok(errors.includes(text), `expected: ${text}`);
    },
    /** Waits for a violation of the Content Security Policy, and returns all messages of such. */
    async violations() {
      const deadline = Date.now() + TIMEOUT_MS;
      for (;;) {
        const found = errors.filter((text) => VIOLATION.test(text));
        if (found.length > 0 || Date.now() > deadline) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** Signs in through the pages, as a user does. @param {import("playwright-core").Page} page */
export async function signIn(page) {
  await page.goto("/");
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: "Sign in as octocat" }).click();
  await page
    .getByRole("button", { name: /^Account of/ })
    .or(page.getByLabel(/^Account of/))
    .first()
    .waitFor();
}

/**
 * Opens an address of the dashboard. Waits until what the tab showed before is gone: the address changes
 * first, and much of a page is on the next one, too.
 * @param {import("playwright-core").Page} page @param {string} address
 */
export const open = (page, address) => replacing(page, () => page.goto(address));

/**
 * Performs an action that leads to another page, or to the same one for other parameters, and waits until
 * what was shown before is gone.
 * @param {import("playwright-core").Page} page @param {() => Promise<unknown>} act
 */
export async function replacing(page, act) {
  await page.evaluate(() => {
    for (const shown of document.querySelectorAll("#main > *")) shown.setAttribute("data-before", "");
  });
  await act();
  await page.locator("#main > [data-before]").first().waitFor({ state: "detached" });
}

/** All addresses in the history of the tab. @param {import("playwright-core").Page} page */
export async function addresses(page) {
  if (IS_FIREFOX) return keptAddresses(page);
  const session = await page.context().newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  await session.detach();
  return entries.map(({ url }) => url);
}

/** Content of the page's `localStorage`. @param {import("playwright-core").Page} page */
export const stored = (page) => page.evaluate(() => ({ ...localStorage }));

/**
 * The text of a file that a page saves under this name when `act` is called.
 * @param {import("playwright-core").Page} page @param {string} name @param {() => Promise<void>} act
 */
export async function downloaded(page, name, act) {
  if (IS_FIREFOX) return savedFile(name, act, TIMEOUT_MS);
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  assert.equal(download.suggestedFilename(), name);
  return readFile(await download.path(), "utf8");
}
