// The time axis in the Berlin time zone, in the week in which the clocks are put back.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, signIn } from "../support/browser.js";
import { signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const HOUR_MS = 3_600_000;

let server, browser, context, tab, application;

before(async () => {
  server = await startServer();
  browser = await launch();
  context = await newProfile(browser, server.url, { timezoneId: "Europe/Berlin" });
  tab = await newTab(context);
  await signIn(tab.page);
  const { call } = await signInElsewhere(server.url);
  application = await call("POST", "/applications", { name: "Storefront" });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Shows generated metrics for a time range instead of the server's. */
async function showMetrics(from, hours, window) {
  const { page } = tab;
  await page.unroute("**/telemetry/metrics**");
  await page.route("**/telemetry/metrics**", (route) => route.fulfill({ json: metrics(from, hours) }));
  await page.goto("about:blank");
  await page.goto(`/#/applications/${application.id}/metrics?window=${window}`);
  await page.locator(".drawing .bar").first().waitFor();
}

/** A response of the API with one request in the first hour, two in the second, and so on. */
function metrics(from, hours) {
  const total = (count) => ({ count, errors: 0, requests: { count, errors: 0 } });
  const buckets = Array.from({ length: hours }, (_, index) => ({
    startTime: new Date(Date.parse(from) + index * HOUR_MS).toISOString(),
    ...total(index + 1),
  }));
  return { from, to: from, stepSeconds: 3600, buckets, total: total(100), gaps: [] };
}

/** Labels of the time axis of the first chart. */
const labels = () =>
  tab.page.locator(".drawing").first().locator(".tick[text-anchor=middle]").allTextContents();

test("each day of the week is labelled once", async () => {
  await showMetrics("2026-10-22T10:00:00.000Z", 168, "7d");
  assert.deepEqual(await labels(), ["23 Oct", "24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct", "29 Oct"]);
});

test("hours after the change are in local time", async () => {
  await showMetrics("2026-10-24T16:00:00.000Z", 24, "24h");
  const shown = await labels();
  assert.ok(shown.length > 6, shown.join(" "));
  for (const label of shown) assert.match(label, /^[0-9][02468]:00$/, shown.join(" "));
  assert.equal(new Set(shown).size, shown.length);
});

test("the tooltip shows the offset of a repeated hour", async () => {
  const chart = tab.page.getByRole("group", { name: /^Traffic/ });
  await chart.focus();
  await tab.page.keyboard.press("Home");
  for (let hour = 0; hour < 8; hour += 1) await tab.page.keyboard.press("ArrowRight");
  const title = await chart.locator(".tip-title").textContent();
  assert.equal(title, "25 Oct, 02:00 GMT+2 – 02:00 GMT+1");
});

test("the offset of the zone is that of the time range", async () => {
  const { page } = tab;
  for (const [day, offset] of [
    ["2026-07-01", "+2"],
    ["2026-01-31", "+1"],
  ]) {
    await page.goto(
      `/#/applications/${application.id}/traces?from=${day}T10:00:00Z&to=${day}T11:00:00Z&zone=local`,
    );
    await page.locator("option", { hasText: `local time (UTC${offset})` }).waitFor({ state: "attached" });
  }
});

test("the console has no errors", () => tab.assertQuiet());
