// Traces whose ids have characters with a meaning in addresses.

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { launch, newProfile, newTab, open, signIn } from "../support/browser.js";
import { ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const IDS = ["a/b", "a\\b", "100%", "%2F", "../x", "a/../../b", "..", ".", "a..b", "?x#y", "a b", "-"];

let server, browser, tab, page, application;

before(async () => {
  server = await startServer();
  browser = await launch();
  const owner = await signInElsewhere(server.url);
  application = await owner.call("POST", "/applications", { name: "Odd ids" });
  const key = await owner.call("POST", `/apikey?ApplicationId=${application.id}`, { name: "k" });
  const timestamp = new Date().toISOString();
  const traces = IDS.map((traceId, index) => ({
    traceId,
    spanId: `s${index}`,
    parentSpanId: null,
    timestamp,
    durationMs: 5,
    requestMethod: "GET",
    requestURL: `/page-${index}`,
    responseStatus: 200,
  }));
  const answer = await ingest(server.url, key, "/ingest/traces", { timestamp, traces });
  assert.equal(answer.accepted, IDS.length, JSON.stringify(answer));
  tab = await newTab(await newProfile(browser, server.url));
  page = tab.page;
  await signIn(page);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [index, traceId] of IDS.entries()) {
  test(`the trace "${traceId}" opens from the list and after a reload`, async () => {
    await open(page, `/#/applications/${application.id}/traces`);
    await page.getByRole("link", { name: new RegExp(`GET /page-${index}\\b`) }).click();
    await page.getByRole("heading", { name: `GET /page-${index}` }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: `GET /page-${index}` }).waitFor();
    tab.assertQuiet();
  });
}
