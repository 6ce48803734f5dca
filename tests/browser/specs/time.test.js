// Time ranges: selected in a chart, typed, shared, carried from page to page; searches that stop.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, open, replacing, signIn } from "../support/browser.js";
import { failedCheckout, id, ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const MINUTE = 60_000;
/** When the incident was: three hours ago, in the middle of a bucket of five minutes. */
const THEN = Math.floor((Date.now() - 180 * MINUTE) / (5 * MINUTE)) * 5 * MINUTE + 2 * MINUTE;

let server, browser, tab, page, application;
const checkout = failedCheckout(THEN);
/** Clicks and drags since the last count. */
let clicks = 0;

before(async () => {
  server = await startServer();
  browser = await launch();
  tab = await newTab(await newProfile(browser, server.url, { timezoneId: "Asia/Kolkata" }));
  page = tab.page;
  await signIn(page);
  const { call } = await signInElsewhere(server.url);
  application = await call("POST", "/applications", { name: "Storefront" });
  const key = await call("POST", `/apikey?ApplicationId=${application.id}`, { name: "storefront-eu" });
  const healthy = (at, path) => ({
    traceId: id(16),
    spanId: id(8),
    parentSpanId: null,
    timestamp: new Date(at).toISOString(),
    durationMs: 20,
    requestMethod: "GET",
    requestURL: path,
    responseStatus: 200,
    "service.name": "storefront",
  });
  const others = [healthy(Date.now() - MINUTE, "/now"), healthy(THEN - 60 * MINUTE, "/before")];
  await ingest(server.url, key, "/ingest/traces", checkout.traces);
  await ingest(server.url, key, "/ingest/logs", checkout.logs);
  await ingest(server.url, key, "/ingest/traces", { traces: others });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const address = (path) => `/#/applications/${application.id}/${path}`;
const names = () => page.locator(".trace-row .name").allTextContents();
const query = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const range = () => [query().get("from"), query().get("to")];
const bucket = () => [THEN - 2 * MINUTE, THEN + 3 * MINUTE].map((at) => new Date(at).toISOString());

async function click(locator) {
  clicks += 1;
  await locator.click();
}

/** Drags over the tallest bar of a chart of six hours. */
async function dragOverIncident() {
  clicks += 1;
  const chart = page.getByRole("group", { name: /^Traffic/ });
  const failed = chart.locator("rect.bar.tone-error");
  await failed.first().waitFor();
  const box = await failed.first().boundingBox();
  const middle = box.y + box.height / 2;
  await page.mouse.move(box.x - 1, middle);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, middle, { steps: 4 });
  await page.mouse.move(box.x + box.width - 1, middle, { steps: 4 });
  await page.mouse.up();
}

test("from a spike three hours ago to its traces are four clicks", async () => {
  await open(page, address("traces"));
  await page.getByText("GET /now").waitFor();
  clicks = 0;
  await click(page.getByRole("link", { name: "Metrics" }));
  await click(page.getByLabel("6 h", { exact: true }));
  await page.locator(".tile").first().waitFor();
  await dragOverIncident();
  // The range is in the address before it is in the links.
  const ofRange = page.locator("a[href*='from=']");
  await click(page.getByRole("link", { name: /^Failed: / }).and(ofRange));
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await names(), ["POST /checkout"]);
  assert.equal(clicks, 4);
  assert.ok(range()[0] <= bucket()[0] && bucket()[1] <= range()[1], range().join(" "));
  assert.ok(Date.parse(range()[1]) - Date.parse(range()[0]) <= 15 * MINUTE, range().join(" "));
});

test("Back undoes each choice of a time range", async () => {
  await replacing(page, () => page.goBack());
  await page.getByRole("heading", { name: "Metrics" }).waitFor();
  assert.notEqual(range()[0], null);
  await replacing(page, () => page.goBack());
  assert.equal(query().get("window"), "6h");
  assert.ok(await page.getByLabel("6 h", { exact: true }).isChecked());
  assert.deepEqual(range(), [null, null]);
  await replacing(page, () => page.goForward());
  assert.notEqual(range()[0], null);
  assert.ok(await page.getByLabel("From – to").isChecked());
});

test("Back undoes the choice of a zone", async () => {
  await open(page, address("traces?window=1h"));
  const zone = page.getByLabel("Time zone");
  await replacing(page, () => zone.selectOption("utc"));
  assert.equal(query().get("zone"), "utc");
  await replacing(page, () => page.goBack());
  assert.notEqual(query().get("zone"), "utc");
  assert.equal(await zone.inputValue(), "local");
  await page.evaluate(() => localStorage.removeItem("zone"));
});

test("a part of a chart is selected with the keyboard", async () => {
  await open(page, address("metrics?window=6h"));
  const chart = page.getByRole("group", { name: /^Traffic/ });
  await chart.locator("rect.bar").first().waitFor();
  await chart.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.includes("from="));
  const [from, to] = range().map((at) => Date.parse(at));
  assert.equal(to - from, 10 * MINUTE, "two buckets");
  await page.getByLabel("From – to").and(page.locator(":focus")).waitFor();
  const announced = /^Showing \d+ \w+, \d\d:\d\d – /;
  await page.locator("#announcements", { hasText: announced }).waitFor({ state: "attached" });
});

test("a part of the durations that is selected with the keyboard contains its first and last trace", async () => {
  const hours = [THEN - 90 * MINUTE, THEN + 30 * MINUTE].map((at) => new Date(at).toISOString());
  await open(page, address(`traces?from=${hours[0]}&to=${hours[1]}`));
  const chart = page.getByRole("group", { name: /^Duration/ });
  await chart.locator("circle.trace-dot").nth(1).waitFor();
  const before = await names();
  await chart.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+End");
  await page.keyboard.press("Enter");
  await page.waitForFunction((from) => !location.hash.includes(from), encodeURIComponent(hours[0]));
  await page.locator(".trace-row").nth(1).waitFor();
  assert.deepEqual(await names(), before);
});

test("no part is selected while no button is pressed, nor beside the axis", async () => {
  await open(page, address("metrics?window=6h"));
  const chart = page.getByRole("group", { name: /^Traffic/ });
  await chart.locator("rect.bar").first().waitFor();
  const { x, y, width, height } = await chart.boundingBox();
  await page.mouse.move(x + width / 2, y + height - 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + height + 30);
  await page.mouse.up();
  await page.mouse.move(x + width / 2 + 60, y + height / 2);
  assert.ok(await chart.locator(".band").isHidden());
  await page.mouse.move(x + 5, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + 30, y + height / 2, { steps: 3 });
  await page.mouse.up();
  assert.deepEqual(range(), [null, null]);
});

test("a range is typed, in local time or UTC, and the address has both", async () => {
  await open(page, address("traces?window=1h"));
  await page.getByText("GET /now").waitFor();
  const zone = page.getByLabel("Time zone");
  assert.equal(await zone.locator("option:checked").textContent(), "local time (UTC+5:30)");
  await page.getByLabel("From – to").check();
  const local = (at) => new Date(at + 330 * MINUTE).toISOString().slice(0, 16);
  await page.getByLabel("From", { exact: true }).fill(local(THEN - 61 * MINUTE));
  await page.getByLabel("To", { exact: true }).fill(local(THEN - 62 * MINUTE));
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("The start must be before the end.").waitFor();
  await page.getByLabel("To", { exact: true }).fill(local(THEN - 59 * MINUTE));
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("GET /before").waitFor();
  assert.deepEqual(await names(), ["GET /before"]);
  await replacing(page, () => zone.selectOption("utc"));
  await page.getByText("GET /before").waitFor();
  const from = await page.getByLabel("From", { exact: true }).inputValue();
  assert.equal(Date.parse(`${from}Z`), Math.floor((THEN - 61 * MINUTE) / 1000) * 1000);
  assert.equal(query().get("zone"), "utc");
  const shown = await page.locator(".trace-row time").first().textContent();
  assert.ok(shown.includes(new Date(THEN - 60 * MINUTE - 20).toISOString().slice(11, 19)), shown);
});

test("the range and the zone are kept from page to page, and another user sees the same rows", async () => {
  const chosen = range();
  for (const name of ["Logs", "Metrics", "Keys", "Traces"]) {
    await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
    await page.getByRole("heading", { name: name === "Keys" ? /keys/i : name, level: 1 }).waitFor();
    assert.deepEqual([range(), query().get("zone")], [chosen, "utc"], name);
  }
  await page.locator(".trace-row").first().waitFor();
  const rows = await names();
  const { call } = await signInElsewhere(server.url, "octocat");
  const invite = await call("POST", `/applications/${application.id}/invites`, { role: "viewer" });
  const other = await signInElsewhere(server.url, "mona");
  await other.call("POST", "/invites/accept", { token: invite.token });
  const second = await newTab(await newProfile(browser, server.url, { timezoneId: "America/New_York" }));
  await second.page.goto("/");
  await second.page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await second.page.waitForURL(/github/);
  const approve = new URL(second.page.url());
  approve.searchParams.set("login", "mona");
  await second.page.goto(approve.href);
  await second.page
    .getByLabel(/^Account of/)
    .first()
    .waitFor();
  await second.page.goto(page.url());
  await second.page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await second.page.locator(".trace-row .name").allTextContents(), rows);
  const times = (of) => of.locator(".trace-row time").allTextContents();
  assert.deepEqual(await times(second.page), await times(page));
  await second.page.context().close();
});

test("the range is kept from a log line to its trace and back, and a line leads to the logs around it", async () => {
  const line = page.locator(".log-row").filter({ hasText: "the card processor did not answer" });
  const hour = [THEN - 30 * MINUTE, THEN + 30 * MINUTE].map((at) => new Date(at).toISOString());
  await open(page, address(`logs?from=${hour[0]}&to=${hour[1]}&zone=utc`));
  await line.click();
  await page.getByRole("link", { name: "Open the trace" }).click();
  await page.getByRole("heading", { name: "POST /checkout" }).waitFor();
  assert.deepEqual(range(), hour);
  await page
    .locator(".trace-summary")
    .getByText(/\d\d:\d\d:\d\d UTC/)
    .waitFor();
  await replacing(page, () => page.goBack());
  await line.waitFor();
  assert.deepEqual(range(), hour);
  await line.click();
  await replacing(page, () => page.getByRole("link", { name: "Logs around this moment" }).click());
  await line.waitFor();
  const [from, to] = range().map((at) => Date.parse(at));
  assert.deepEqual([to - from, from], [10 * MINUTE, THEN + 210 - 5 * MINUTE]);
  await line.click();
  await page.getByRole("link", { name: "Open the trace" }).click();
  await page.locator(".trace-summary").getByRole("link", { name: "traces" }).click();
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await names(), ["POST /checkout"]);
});

for (const [list, label] of [
  ["traces", "Name, service or trace id"],
  ["logs", "Words in message, type or service"],
]) {
  test(`the id of a trace typed into the search of ${list} is searched, with a link to the trace`, async () => {
    await open(page, address(`${list}?window=6h`));
    await page.getByLabel(label).fill(` ${checkout.traceId} `);
    const link = page.getByRole("link", { name: `Open trace ${checkout.traceId}` });
    await link.waitFor();
    assert.equal(query().get("q"), checkout.traceId);
    await page.getByLabel(label).fill("POST");
    await link.waitFor({ state: "hidden" });
    await page.getByLabel(label).fill(checkout.traceId);
    await link.click();
    await page.getByRole("heading", { name: "POST /checkout" }).waitFor();
  });
}

test("a search that stops shows how far it got, continues on a click, and finds what is on page 7", async () => {
  const asked = [];
  const found = {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    name: "GET /needle",
    service: "shop",
    kind: null,
    startTime: "2026-01-31T20:35:00.000Z",
    durationMs: 5,
    status: 200,
    isError: false,
    spanCount: 1,
    errorCount: 0,
    hasRoot: true,
  };
  await page.route("**/telemetry/traces?*", (route) => {
    const cursor = new URL(route.request().url()).searchParams.get("cursor");
    const number = Number(cursor ?? 1);
    asked.push(number);
    const isLast = number === 7;
    const searchedTo = isLast ? null : new Date(Date.parse("2026-01-31T22:00:00Z") - number * 4 * MINUTE);
    return route.fulfill({
      json: {
        traces: isLast ? [found] : [],
        nextCursor: isLast ? null : String(number + 1),
        searchedTo: searchedTo?.toISOString() ?? null,
        gaps: [],
      },
    });
  });
  const day = "from=2026-01-31T20:00:00Z&to=2026-01-31T22:00:00Z&zone=utc";
  await open(page, address(`traces?${day}&attr=needle:1`));
  await page.getByRole("heading", { name: "Searched to 31 Jan, 21:40" }).waitFor();
  assert.equal(await page.getByText("Nothing matches").count(), 0);
  assert.deepEqual(asked, [1, 2, 3, 4, 5]);
  await page.getByRole("button", { name: "Continue searching" }).click();
  await page.getByText("GET /needle").waitFor();
  assert.deepEqual(asked.slice(5, 7), [6, 7]);
  await page.unroute("**/telemetry/traces?*");
});

test("the response to an outdated query is not shown", async () => {
  const answer = [];
  const gates = [0, 1].map(() => new Promise((resolve) => answer.push(resolve)));
  let asked = 0;
  await page.route("**/telemetry/traces?*", async (route) => {
    asked += 1;
    if (asked > 2) return route.fallback();
    const isFirst = asked === 1;
    await gates[isFirst ? 0 : 1];
    return isFirst ? route.fulfill({ json: { traces: [], gaps: [] } }) : route.fallback();
  });
  const request = () => page.waitForRequest("**/telemetry/traces?*");
  const first = request();
  await open(page, address("traces?window=24h&min=5000"));
  await page.getByLabel("Duration", { exact: true }).selectOption("");
  await first;
  const second = request();
  answer[0]();
  await second;
  assert.equal(await page.locator(".empty").count(), 0, "what the first question found");
  answer[1]();
  await page.getByText("GET /now").waitFor();
  await page.unroute("**/telemetry/traces?*");
});

test("rows lead to their traces with the time range that is shown", async () => {
  await open(page, address("traces?window=6h"));
  const row = (window) => page.locator(`a[href*="window=${window}"]`, { hasText: "GET /now" });
  await row("6h").waitFor();
  await page.getByLabel("24 h", { exact: true }).check();
  await row("24h").waitFor();
  assert.equal(await row("6h").count(), 0);
});

test("the console has no errors", () => tab.assertQuiet());
