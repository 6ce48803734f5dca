// From the table of requests to their traces, and filters by service, name and attribute.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, open, signIn } from "../support/browser.js";
import { failedCheckout, id, ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

let server, browser, tab, page, application;
const checkout = failedCheckout(Date.now() - 60_000);

before(async () => {
  server = await startServer();
  browser = await launch();
  tab = await newTab(await newProfile(browser, server.url));
  page = tab.page;
  await signIn(page);
  const { call } = await signInElsewhere(server.url);
  application = await call("POST", "/applications", { name: "Storefront" });
  const key = await call("POST", `/apikey?ApplicationId=${application.id}`, { name: "storefront-eu" });
  await ingest(server.url, key, "/ingest/traces", checkout.traces);
  await ingest(server.url, key, "/ingest/logs", checkout.logs);
  const cart = {
    traceId: id(16),
    spanId: id(8),
    parentSpanId: null,
    timestamp: new Date(Date.now() - 50_000).toISOString(),
    durationMs: 20,
    requestMethod: "GET",
    requestURL: "/cart",
    responseStatus: 200,
    "service.name": "storefront",
  };
  await ingest(server.url, key, "/ingest/traces", { traces: [cart] });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const address = (path) => `/#/applications/${application.id}/${path}`;
const names = () => page.locator(".trace-row .name").allTextContents();
const query = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const chips = () => page.getByRole("group", { name: "Filters" }).getByRole("button");

test("requests are listed by service and by operation, with failures and durations", async () => {
  await open(page, address("metrics"));
  const row = page.locator(".requests tbody tr");
  await row.first().waitFor();
  assert.equal(await row.count(), 1, "the spans of payments are work within the request");
  const cells = await row.first().locator("th, td").allTextContents();
  assert.deepEqual(cells.slice(0, 4), ["storefront", "2/h", "2", "50 %"]);
  await page.getByLabel("By operation").check();
  await page.getByRole("link", { name: "POST /checkout", exact: true }).waitFor();
  assert.equal(query().get("by"), "operation");
  assert.equal(await row.count(), 2);
});

test("a row leads to the traces behind it, and each chip is removed alone", async () => {
  await page.getByRole("link", { name: "POST /checkout", exact: true }).click();
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await names(), ["POST /checkout"]);
  assert.equal(await chips().count(), 2);
  assert.deepEqual([query().get("service"), query().get("name")], ["storefront", "POST /checkout"]);
  await page.getByRole("button", { name: "Remove the filter name: POST /checkout" }).click();
  await page.getByText("GET /cart").waitFor();
  assert.equal((await names()).length, 2);
  assert.deepEqual([query().get("service"), query().get("name")], ["storefront", null]);
});

test("the value of an attribute of a span becomes a filter, and Back returns to the span", async () => {
  await page.getByRole("link", { name: /POST \/checkout/ }).click();
  await page.locator(".span-main").nth(1).click();
  await page.getByRole("link", { name: "A-1042" }).click();
  await page.getByRole("button", { name: "Remove the filter order.id: A-1042" }).waitFor();
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await names(), ["POST /checkout"]);
  await page.reload();
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await names(), ["POST /checkout"]);
  assert.deepEqual(query().getAll("attr"), ["order.id:A-1042"]);
  await page.goBack();
  await page.getByRole("link", { name: "A-1042" }).waitFor();
});

test("filters are typed, with suggestions", async () => {
  await open(page, address("traces"));
  const input = page.getByLabel("Filter: service, name or attribute:value");
  await input.focus();
  const suggestion = (value) => page.locator(`datalist option[value="${value}"]`);
  for (const value of ["service:payments", "name:GET /cart", "order.id:A-1042"])
    await suggestion(value).waitFor({ state: "attached" });
  await input.fill("no filter");
  await input.press("Enter");
  await page.getByText("Write a name, a colon and a value.").waitFor();
  await input.fill("service:payments");
  await input.press("Enter");
  await page.getByText("GET /cart").waitFor({ state: "detached" });
  await page.locator(".trace-row").first().waitFor();
  assert.deepEqual(await names(), ["POST /checkout"]);
  await input.fill("order.id:other");
  await input.press("Enter");
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  await chips().last().click();
  await page.locator(".trace-row").first().waitFor();
  assert.equal(await chips().count(), 1);
  assert.ok(await input.evaluate((element) => element === document.activeElement));
});

test("the value of an attribute of a log line becomes a filter", async () => {
  await open(page, address("logs"));
  await page.getByText("the card processor did not answer").click();
  await page.locator(".attributes").getByRole("link", { name: "payments" }).click();
  await page.getByRole("button", { name: "Remove the filter service.name: payments" }).waitFor();
  await page.getByText("the card processor did not answer").waitFor();
  const input = page.getByLabel("Filter: service or attribute:value");
  await input.fill("service:storefront");
  await input.press("Enter");
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  assert.deepEqual(
    [query().get("service"), query().getAll("attr")],
    ["storefront", ["service.name:payments"]],
  );
});

test("the console has no errors", () => tab.assertQuiet());
