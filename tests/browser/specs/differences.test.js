// What failed traces have in common, from the list of traces and from a row of the requests.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, open, signIn } from "../support/browser.js";
import { id, ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const AT = Date.now() - 60_000;

let server, browser, tab, page, application;

/** A request of a customer. Those of customer 7 fail, except one. */
const request = (number) => {
  const isFailed = number < 12;
  return {
    traceId: id(16),
    spanId: id(8),
    parentSpanId: null,
    timestamp: new Date(AT - number).toISOString(),
    durationMs: isFailed ? 2_000 : 20,
    requestMethod: "GET",
    requestURL: "/orders",
    responseStatus: isFailed ? 500 : 200,
    "service.name": "storefront",
    "customer.id": isFailed || number === 50 ? "7" : String(number),
    "request.id": id(8),
  };
};

before(async () => {
  server = await startServer();
  browser = await launch();
  tab = await newTab(await newProfile(browser, server.url));
  page = tab.page;
  await signIn(page);
  const { call } = await signInElsewhere(server.url);
  application = await call("POST", "/applications", { name: "Storefront" });
  const key = await call("POST", `/apikey?ApplicationId=${application.id}`, { name: "k" });
  const traces = Array.from({ length: 100 }, (_, number) => request(number));
  await ingest(server.url, key, "/ingest/traces", { traces });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const address = (path) => `/#/applications/${application.id}/${path}`;
const query = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const cells = () => page.locator(".differences tbody tr").first().locator("th, td").allTextContents();

test("one click from the list of traces shows what the failed ones have in common", async () => {
  await open(page, address("traces?window=6h&service=storefront"));
  await page.getByRole("link", { name: "What is different about these?" }).click();
  await page.getByRole("link", { name: "customer.id: 7" }).waitFor();
  assert.deepEqual(await cells(), ["customer.id", "7", "100 % 12 of 12", "1.1 % 1 of 88", "storefront"]);
  assert.equal(await page.locator(".differences tbody tr").count(), 1, "ids do not separate them");
  await page.getByText("From a sample of 100 of 100 spans.").waitFor();
  assert.deepEqual([query().get("window"), query().get("service")], ["6h", "storefront"]);
});

test("a value leads to the failed traces that have it, and without the status filter to all traces that have it", async () => {
  await page.getByRole("link", { name: "customer.id: 7" }).click();
  await page.getByRole("heading", { name: "Traces" }).waitFor();
  await page.locator(".trace-row").first().waitFor();
  assert.equal(await page.locator(".trace-row").count(), 12);
  assert.equal(query().get("status"), "error");
  assert.deepEqual(query().getAll("attr"), ["customer.id:7"]);
  await page.getByLabel("Status").selectOption("");
  await page.waitForFunction(() => document.querySelectorAll(".trace-row").length === 13);
});

test("traces filtered by another status or by words are not compared, because the comparison has no such filter", async () => {
  const link = page.getByRole("link", { name: "What is different about these?" });
  await open(page, address("traces?window=1h"));
  await link.waitFor();
  await page.getByLabel("Status").selectOption("5xx");
  await link.waitFor({ state: "hidden" });
  await page.getByLabel("Status").selectOption("error");
  await link.waitFor();
  await page.getByLabel("Name, service or trace id").fill("orders");
  await link.waitFor({ state: "hidden" });
});

test("one click from a row of the requests compares those of the row", async () => {
  await open(page, address("metrics?by=operation&window=1h"));
  const name = "What is different about the failed requests of GET /orders";
  await page.getByRole("link", { name }).click();
  await page.getByRole("link", { name: "customer.id: 7" }).waitFor();
  assert.deepEqual(
    ["service", "name", "window"].map((key) => query().get(key)),
    ["storefront", "GET /orders", "1h"],
  );
});

test("a value leads to its traces although another filter chose what was compared", async () => {
  await page.getByRole("link", { name: "customer.id: 7" }).click();
  await page.locator(".trace-row").first().waitFor();
  assert.equal(await page.locator(".trace-row").count(), 12);
  assert.deepEqual([query().get("service"), query().get("name")], ["storefront", null]);
  await page.goBack();
  await page.getByRole("link", { name: "customer.id: 7" }).waitFor();
});

test("slow traces are compared with the others, and a small sample says so", async () => {
  await page.getByLabel("Compare").selectOption("1000");
  await page.getByRole("columnheader", { name: "Of slow traces" }).waitFor();
  assert.equal((await cells())[2], "100 % 12 of 12");
  await open(page, address("differences?attr=customer.id:50"));
  await page.getByRole("heading", { name: "No failed traces in the last 1 h" }).waitFor();
  await open(page, address("differences?min=5000"));
  await page.getByRole("heading", { name: "No slow traces in the last 1 h" }).waitFor();
  await page.route("**/telemetry/differences?*", async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    await route.fulfill({ response, json: { ...json, sample: { ...json.sample, of: 1_000_000 } } });
  });
  await open(page, address("differences?min=5001"));
  await page.getByRole("heading", { name: "No slow traces in the sample" }).waitFor();
  await page.getByText("Slow traces were preferred").waitFor();
  await page.unroute("**/telemetry/differences?*");
});

test("the response to an earlier choice is not shown under a later one", async () => {
  const answer = [];
  const gates = [0, 1].map(() => new Promise((resolve) => answer.push(resolve)));
  let asked = 0;
  await page.route("**/telemetry/differences?*", async (route) => {
    asked += 1;
    await gates[asked - 1];
    await route.fallback();
  });
  const request = () => page.waitForRequest("**/telemetry/differences?*");
  const first = request();
  await open(page, address("differences?window=6h"));
  await first;
  await page.getByLabel("Compare").selectOption("1000");
  const second = request();
  answer[0]();
  await second;
  assert.equal(await page.locator(".differences").count(), 0, "the failed ones");
  answer[1]();
  await page.getByRole("columnheader", { name: "Of slow traces" }).waitFor();
  await page.unroute("**/telemetry/differences?*");
});

test("the console has no errors", () => tab.assertQuiet());
