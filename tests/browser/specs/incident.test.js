// The incident of `upblit demo`: from a spike on the metrics page to the customer who has it, by clicks.

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, open, signIn } from "../support/browser.js";
import { signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FILL_MS = 300_000;
/** A search through six hours of telemetry, by a debug build on a busy machine. */
const SEARCH_MS = 60_000;

let server, demo, browser, tab, page, application;
let clicks = 0;

before(async () => {
  server = await startServer();
  const options = ["demo", "--url", server.url, "--hours", String(hoursSinceIncident())];
  demo = spawn(process.env.UPBLIT, options, { stdio: ["ignore", "ignore", "inherit"] });
  const { call } = await signInElsewhere(server.url);
  application = await filled(call);
  browser = await launch();
  tab = await newTab(await newProfile(browser, server.url));
  page = tab.page;
  await signIn(page);
});

after(async () => {
  await browser?.close();
  demo?.kill("SIGTERM");
  if (demo && demo.exitCode === null) await once(demo, "exit");
  await server?.stop();
});

/**
 * Whole hours back to the start of the last incident that began more than five minutes ago. Incidents begin at
 * 02:40 UTC and every six hours from then on.
 */
function hoursSinceIncident() {
  const since = (Date.now() - 160 * MINUTE - 5 * MINUTE) % (6 * HOUR);
  return Math.min(6, Math.ceil((since + 5 * MINUTE) / HOUR));
}

/** Waits until the demo has sent the telemetry of these hours. */
async function filled(call) {
  const deadline = Date.now() + FILL_MS;
  while (Date.now() < deadline) {
    const { applications } = await call("GET", "/applications");
    const found = applications.find(({ name }) => name === "Demo shop");
    const from = new Date(Date.now() - 6 * HOUR).toISOString();
    const query = `applicationId=${found?.id}&from=${from}&limit=1`;
    const newest = found && (await call("GET", `/telemetry/traces?${query}`)).traces[0];
    if (newest && Date.now() - Date.parse(newest.startTime) < 60_000) return found;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("the demo has not sent its telemetry in time");
}

const address = (path) => `/#/applications/${application.id}/${path}`;
const query = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);

/** The range that was dragged is in the address before it is in the links. */
const failedOfRange = () =>
  page.getByRole("link", { name: /^Failed: / }).and(page.locator("a[href*='from=']"));

async function click(locator) {
  clicks += 1;
  await locator.click();
}

/** Opens the metrics of six hours, and drags over the bar with most failures. */
async function dragOverSpike() {
  await open(page, address("metrics?window=6h"));
  const failed = page.getByRole("group", { name: /^Traffic/ }).locator("rect.bar.tone-error");
  await failed.first().waitFor();
  const boxes = await Promise.all((await failed.all()).map((bar) => bar.boundingBox()));
  const { x, y, width, height } = boxes.reduce((a, b) => (b.height > a.height ? b : a));
  clicks = 1;
  await page.mouse.move(x + 1, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.move(x + width, y + height / 2);
  await page.mouse.up();
}

test("five clicks lead from the spike to the other requests of the customer", async () => {
  await dragOverSpike();
  await click(failedOfRange());
  await click(page.getByRole("link", { name: /GET \/orders web 3 spans/ }).first());
  await click(page.getByRole("button", { name: /^SELECT order_lines/ }));
  await page.getByText("canceling statement due to statement timeout").first().waitFor();
  await click(page.getByRole("link", { name: "C-017" }));
  assert.equal(clicks, 5);
  await page.getByRole("button", { name: "Remove the filter customer.id: C-017" }).waitFor();
  await page.locator(".trace-row").first().waitFor();
  assert.ok((await page.locator(".trace-row").count()) > 50);
  assert.notEqual(query().get("from"), null, "those of the same time");
  await page.getByLabel("6 h", { exact: true }).click();
  const ofIncident = page.locator(".name", { hasText: /^GET \/orders$/ });
  await page.locator(".trace-row").filter({ hasNot: ofIncident }).first().waitFor({ timeout: SEARCH_MS });
});

test("four clicks lead there by what is different about the failed traces", async () => {
  await dragOverSpike();
  await click(failedOfRange());
  await click(page.getByRole("link", { name: "What is different about these?" }));
  const rows = page.locator(".differences tbody tr");
  await rows.first().waitFor();
  const found = await rows.locator("th").allTextContents();
  for (const value of ["C-017", "SELECT order_lines", "GET /orders"])
    assert.ok(found.slice(0, 8).includes(value), found.join(", "));
  await click(page.getByRole("link", { name: "customer.id: C-017" }));
  assert.equal(clicks, 4);
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual([query().get("status"), query().get("attr")], ["error", "customer.id:C-017"]);
});

test("the console has no errors", () => tab.assertQuiet());
