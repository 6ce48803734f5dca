import { strict as assert } from "node:assert";
import { afterEach, beforeEach, test } from "node:test";
import { SPANS, beginOf, chosenSpan, keepSpan, pauseOf } from "../../../dashboard/app/timespan.js";
import { freshStorage } from "./storage.js";
import { inZone } from "./zone.js";

freshStorage({ beforeEach, afterEach });

const chosen = (query) => chosenSpan(new URLSearchParams(query));

test("an hour is shown until the reader chooses", () => assert.equal(chosen(""), "1h"));

test("the last choice is kept for the next page", () => {
  keepSpan("24h");
  assert.equal(chosen(""), "24h");
});

test("the address goes before the last choice", () => {
  keepSpan("24h");
  assert.equal(chosen("window=6h"), "6h");
});

for (const odd of ["", "2h", "1H", "toString", "__proto__"]) {
  test(`an address with the time "${odd}" shows an hour`, () => assert.equal(chosen(`window=${odd}`), "1h"));
}

test("a week is 168 hours, also when the clocks change in it", () => {
  const now = Date.parse("2026-03-30T12:00:00Z");
  inZone("Europe/Berlin", () => assert.equal(beginOf("7d", now), "2026-03-23T12:00:00.000Z"));
});

test("no time has more buckets than fit into a chart", () => {
  for (const [name, { ms, stepSeconds }] of Object.entries(SPANS)) {
    assert.ok(ms / (1_000 * stepSeconds) <= 200, name);
    assert.equal(ms % (1_000 * stepSeconds), 0, name);
  }
});

test("a long time is loaded less often", () => {
  assert.ok(pauseOf("15m") < pauseOf("7d"));
});
