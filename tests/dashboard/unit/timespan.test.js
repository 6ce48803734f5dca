import { strict as assert } from "node:assert";
import { afterEach, beforeEach, test } from "node:test";
import { SPANS, startOf, chosenSpan, storeSpan, refreshMsOf } from "../../../dashboard/app/timespan.js";
import { freshStorage } from "./storage.js";
import { inZone } from "./zone.js";

freshStorage({ beforeEach, afterEach });

const chosen = (query) => chosenSpan(new URLSearchParams(query));

test("the default time range is an hour", () => assert.equal(chosen(""), "1h"));

test("the last choice applies to the next page", () => {
  storeSpan("24h");
  assert.equal(chosen(""), "24h");
});

test("the address takes precedence over the last choice", () => {
  storeSpan("24h");
  assert.equal(chosen("window=6h"), "6h");
});

for (const odd of ["", "2h", "1H", "toString", "__proto__"]) {
  test(`an address with the time range "${odd}" shows an hour`, () =>
    assert.equal(chosen(`window=${odd}`), "1h"));
}

test("a week is 168 hours, even if the clocks change in it", () => {
  const now = Date.parse("2026-03-30T12:00:00Z");
  inZone("Europe/Berlin", () => assert.equal(startOf("7d", now), "2026-03-23T12:00:00.000Z"));
});

test("every time range has at most 200 buckets", () => {
  for (const [name, { ms, stepSeconds }] of Object.entries(SPANS)) {
    assert.ok(ms / (1_000 * stepSeconds) <= 200, name);
    assert.equal(ms % (1_000 * stepSeconds), 0, name);
  }
});

test("a long time range is refreshed less often", () => {
  assert.ok(refreshMsOf("15m") < refreshMsOf("7d"));
});
