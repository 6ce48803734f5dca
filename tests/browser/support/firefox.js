// What Playwright does by other means, or not at all, in a Firefox that it drives by WebDriver BiDi
// (docs/decisions/0110).

import { strict as assert } from "node:assert";
import { mkdtempSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firefox } from "playwright-core";

/** Whether the browser is Firefox (`run.sh --firefox`), and not Chromium. */
export const IS_FIREFOX = process.env.FIREFOX !== undefined;

/** Where Firefox saves what a page downloads. */
const downloads = IS_FIREFOX ? mkdtempSync(join(tmpdir(), "upblit-downloads-")) : "";

export const launchFirefox = (options) =>
  firefox.launch({
    executablePath: process.env.FIREFOX,
    channel: "moz-firefox",
    downloadsPath: downloads,
    ...options,
  });

/** Key of `sessionStorage` of the addresses that `keep` has kept. */
const ADDRESSES = "addresses of the history";

/** Makes `keptAddresses` possible. @param {import("playwright-core").BrowserContext} context */
export const keepAddresses = (context) => context.addInitScript(keep, ADDRESSES);

/**
 * Runs in each document, and keeps its addresses for later: a page cannot read those of earlier
 * documents, because its policy is to send no referrer.
 */
function keep(key) {
  if (location.href === "about:blank") return;
  const store = () => {
    const known = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    for (const entry of navigation.entries()) if (entry.url !== null) known[entry.key] = entry.url;
    sessionStorage.setItem(key, JSON.stringify(known));
  };
  addEventListener("DOMContentLoaded", store);
  addEventListener("pagehide", store);
  navigation.addEventListener("currententrychange", store);
}

/** All addresses of the dashboard's origin in the history of the tab. @param {import("playwright-core").Page} page */
export async function keptAddresses(page) {
  const kept = await page.evaluate((key) => {
    const earlier = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    return navigation.entries().map((entry) => entry.url ?? earlier[entry.key] ?? null);
  }, ADDRESSES);
  assert.ok(!kept.includes(null), `an address of the history is not known: ${kept.join(" ")}`);
  return kept;
}

/**
 * The text of a file that a page saves under this name when `act` is called. Playwright has no event
 * for it, because Firefox gives the download of a `blob:` no id.
 * @param {string} name @param {() => Promise<void>} act @param {number} limitMs
 */
export async function savedFile(name, act, limitMs) {
  await act();
  const deadline = Date.now() + limitMs;
  for (;;) {
    const text = await readFile(join(downloads, name), "utf8").catch(() => "");
    if (text !== "" || Date.now() > deadline) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
