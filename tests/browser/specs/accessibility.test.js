// Checks every page with axe-core in the light and dark theme and on a phone, and tests keyboard use.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, notInFirefox, open, signIn } from "../support/browser.js";
import { failedCheckout, id, ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 820 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 820 } },
  { name: "a phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
];

let server, browser, context, page, application;

before(async () => {
  server = await startServer();
  browser = await launch();
  context = await newProfile(browser, server.url);
  ({ page } = await newTab(context));
  await signIn(page);
  application = await call("POST", "/applications", { name: "Storefront", environment: "test" });
  const empty = await call("POST", "/applications", { name: "Not used yet" });
  application.emptyId = empty.id;
  const key = await call("POST", `/apikey?ApplicationId=${application.id}`, { name: "storefront-eu" });
  for (let minute = 0; minute < 10; minute += 1) {
    const checkout = failedCheckout(Date.now() - minute * 60_000);
    await ingest(server.url, key, "/ingest/traces", checkout.traces);
    await ingest(server.url, key, "/ingest/logs", checkout.logs);
  }
  await ingest(server.url, key, "/ingest/traces", { traces: Array.from({ length: 40 }, healthy) });
  const { token, refreshToken } = (await signInElsewhere(server.url, "mallory")).tokens;
  application.link = `/oauth-success#token=${token}&refreshToken=${refreshToken}`;
  application.trace = (await call("GET", `/telemetry/traces?applicationId=${application.id}`)).traces[0];
});

/** A request that succeeded, before the checkouts that failed. */
const healthy = (_, second) => ({
  traceId: id(16),
  spanId: id(8),
  parentSpanId: null,
  timestamp: new Date(Date.now() - 15 * 60_000 - second * 1_000).toISOString(),
  durationMs: 20,
  requestMethod: "GET",
  requestURL: "/cart",
  responseStatus: 200,
  "service.name": "storefront",
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const call = (...request) =>
  page.evaluate(async ([method, path, body]) => {
    const headers = { authorization: `Bearer ${localStorage.token}`, "content-type": "application/json" };
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    return response.json();
  }, request);

/** The time that many minutes ago. */
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

/** Address of each page, and a selector that matches once it has loaded. */
const PAGES = {
  "the description of the API": [() => "/docs", "article"],
  applications: [() => "/#/applications", ".card-activity svg"],
  traces: [({ id }) => `/#/applications/${id}/traces`, ".trace-row"],
  "traces, between two times": [
    ({ id }) => `/#/applications/${id}/traces?from=${ago(60)}&to=${ago(-1)}&zone=utc`,
    ".trace-row",
  ],
  "what is different": [({ id }) => `/#/applications/${id}/differences`, ".differences td"],
  "what is different, no traces": [({ id }) => `/#/applications/${id}/differences?min=5000`, ".empty"],
  "traces, filtered": [
    ({ id }) => `/#/applications/${id}/traces?service=payments&attr=order.id:A-1042`,
    ".trace-row",
  ],
  "traces, none yet": [({ emptyId }) => `/#/applications/${emptyId}/traces`, ".empty"],
  trace: [
    ({ id, trace }) => `/#/applications/${id}/traces/${trace.traceId}?at=${trace.startTime}`,
    ".span-main",
  ],
  logs: [({ id }) => `/#/applications/${id}/logs`, ".log-row"],
  metrics: [({ id }) => `/#/applications/${id}/metrics`, ".requests td"],
  keys: [({ id }) => `/#/applications/${id}/keys`, ".key"],
  audit: [({ id }) => `/#/applications/${id}/audit`, ".audit-row"],
  settings: [({ id }) => `/#/applications/${id}/settings`, ".facts"],
  account: [() => "/#/account", ".audit-row"],
  "no such application": [() => "/#/applications/00000000000/logs", ".empty"],
  "no such page": [() => "/#/nothing", ".empty"],
  "sign in": [() => "/login?reason=session_expired", ".notice"],
  "sign in, refused by GitHub": [() => "/login?reason=github_forbidden", ".notice li"],
  "a link with tokens": [({ link }) => link, ".choices"],
};

/** Firefox shows what its settings say, which is light. */
const SCHEME = notInFirefox("the driver cannot choose the color scheme");

for (const look of LOOKS) {
  const skip = look.colorScheme === "dark" && SCHEME;
  test(`every page is accessible in ${look.name}`, { skip }, async (t) => {
    await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(look.viewport);
    for (const [name, [address, landmark]] of Object.entries(PAGES)) {
      await t.test(name, async () => {
        await open(page, address(application));
        await page.locator(landmark).first().waitFor();
        await assertAccessible();
        assert.ok(
          await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
          "the page is wider than the window",
        );
      });
    }
    await t.test("an open span", async () => {
      await open(page, PAGES.trace[0](application));
      await page.locator(".span-main").nth(1).click();
      await page.locator(".span-details dl").first().waitFor();
      await assertAccessible();
    });
    await t.test("the dialogs of keys", async () => {
      await open(page, PAGES.keys[0](application));
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByRole("dialog").waitFor();
      await assertAccessible();
      await page.getByLabel("Name").fill(look.name);
      await page.getByRole("button", { name: "Create key" }).click();
      await page.locator(".key-text").waitFor();
      await assertAccessible();
      await page.getByRole("button", { name: "I have copied it" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
    });
  });
}

test("the note that the account has changed is accessible and focused", async () => {
  const other = await context.newPage();
  await other.goto("/login?reason=unavailable");
  const mine = await other.evaluate(() => ({ ...localStorage }));
  await page.goto("/#/account");
  await page.getByText("this device").waitFor();
  const { tokens } = await signInElsewhere(server.url, "mallory");
  await other.evaluate((them) => Object.assign(localStorage, them), tokens);
  await page.getByRole("heading", { name: "The account has changed" }).waitFor();
  await assertAccessible();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await other.evaluate((them) => Object.assign(localStorage, them), mine);
  await other.close();
  await page.getByRole("button", { name: "Reload" }).click();
  await page.getByText("this device").waitFor();
});

async function assertAccessible() {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
  );
  assert.deepEqual(found, []);
}

test("the skip link moves to the content, and every focused element is visible", async () => {
  await page.setViewportSize(LOOKS[0].viewport);
  await page.goto(PAGES.traces[0](application));
  await page.reload();
  await page.locator(".trace-row").first().waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  for (let stop = 0; stop < 16; stop += 1) {
    await page.keyboard.press("Tab");
    assert.ok(
      await page.evaluate(isFocusVisible),
      await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120)),
    );
  }
});

/** Whether the focused element has an outline. A radio button shows it on the text beside it. */
function isFocusVisible() {
  const focused = document.activeElement;
  const shown = focused.matches("input[type=radio]") ? focused.nextElementSibling : focused;
  return getComputedStyle(shown).outlineStyle !== "none";
}

test("Escape closes a menu or dialog and returns the focus", async () => {
  await open(page, PAGES.keys[0](application));
  const actions = page.getByLabel("Actions for storefront-eu");
  await actions.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Rotate…" }).waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await actions.evaluate((element) => element === document.activeElement));
  const opener = page.getByRole("button", { name: "New key" });
  await opener.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await opener.evaluate((element) => element === document.activeElement));
});
