import { strict as assert } from "node:assert";
import { afterEach, beforeEach, test } from "node:test";
import {
  SPANS,
  around,
  boundsOf,
  chosenRange,
  questionOf,
  refreshMsOf,
  startOf,
  stepOf,
  storeRange,
  textOfRange,
  withRange,
  withTime,
} from "../../../dashboard/app/timespan.js";
import { chosenZone, showIn, storeZone } from "../../../dashboard/app/zone.js";
import { freshStorage } from "./storage.js";
import { inZone } from "./zone.js";

freshStorage({ beforeEach, afterEach });
afterEach(() => showIn("local"));

const chosen = (query) => chosenRange(new URLSearchParams(query));
const at = (text) => Date.parse(text);
const FIXED = { from: at("2026-01-31T18:00:00Z"), to: at("2026-01-31T18:10:00Z") };
const IN_ADDRESS = "from=2026-01-31T18%3A00%3A00.000Z&to=2026-01-31T18%3A10%3A00.000Z";

test("the default time range is an hour", () => assert.deepEqual(chosen(""), { name: "1h" }));

test("the last choice applies to the next page", () => {
  storeRange({ name: "24h" });
  assert.deepEqual(chosen(""), { name: "24h" });
});

test("the address takes precedence over the last choice", () => {
  storeRange({ name: "24h" });
  assert.deepEqual(chosen("window=6h"), { name: "6h" });
  assert.deepEqual(chosen(`window=6h&${IN_ADDRESS}`), FIXED);
});

test("times in the address may have any offset", () =>
  assert.deepEqual(chosen("from=2026-01-31T19:00:00%2B01:00&to=2026-01-31T18:10:00.000Z"), FIXED));

test("a range between two times does not apply to other pages without it in the address", () => {
  storeRange({ name: "6h" });
  storeRange(FIXED);
  assert.deepEqual(chosen(""), { name: "6h" });
});

for (const odd of ["", "2h", "1H", "toString", "__proto__"]) {
  test(`an address with the time range "${odd}" shows an hour`, () =>
    assert.deepEqual(chosen(`window=${odd}`), { name: "1h" }));
}

for (const odd of [
  "from=2026-01-31T18:00:00Z",
  "to=2026-01-31T18:00:00Z",
  "from=x&to=y",
  "from=2026-01-31T18:00:00&to=2026-01-31T19:00:00",
  "from=2026-01-31&to=2026-02-01",
  "from=2026-01-31T18:00:00Z&to=2026-01-31T19:00:00",
  "from=2026-01-31T18:00:00Z&to=2026-01-31T18:00:00Z",
  "from=2026-01-31T19:00:00Z&to=2026-01-31T18:00:00Z",
]) {
  test(`an address with the times "${odd}" shows an hour`, () =>
    assert.deepEqual(chosen(odd), { name: "1h" }));
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
  const HOUR = 3_600_000;
  for (const [hours, step] of [
    [0.1, 300],
    [16, 300],
    [17, 900],
    [168, 3600],
    [720, 21600],
    [24 * 365, 86400],
  ])
    assert.equal(stepOf({ from: 0, to: hours * HOUR }), step, `${hours} h`);
});

test("a fixed range is requested with both times, and a recent one without an end", () => {
  const now = at("2026-01-31T19:00:00Z");
  assert.deepEqual(questionOf({ name: "1h" }, now), { from: "2026-01-31T18:00:00.000Z", to: null });
  assert.deepEqual(questionOf(FIXED, now), {
    from: "2026-01-31T18:00:00.000Z",
    to: "2026-01-31T18:10:00.000Z",
  });
  assert.deepEqual(boundsOf({ name: "1h" }, now), { from: at("2026-01-31T18:00:00Z"), to: now });
  assert.deepEqual(boundsOf(FIXED, now), FIXED);
});

test("what is in the address of one user is the same range for another", () => {
  for (const range of [{ name: "6h" }, FIXED]) {
    const hash = withRange("#/x?window=1h&q=a", range);
    assert.deepEqual(chosen(hash.split("?")[1]), range);
    assert.ok(hash.includes("q=a"));
  }
});

test("the address has the zone that is shown, so that Back undoes another choice", () => {
  for (const zone of ["local", "utc"]) {
    showIn(zone);
    storeZone(zone === "utc" ? "local" : "utc");
    for (const range of [{ name: "6h" }, FIXED]) {
      const hash = withRange("#/x", range);
      assert.equal(chosenZone(new URLSearchParams(hash.split("?")[1])), zone, hash);
    }
  }
});

test("a link keeps the time range and the zone of the page it is on", () => {
  const current = `#/a/logs?${IN_ADDRESS}&zone=utc&q=x`;
  assert.equal(withTime("#/a/traces?at=1", current), `#/a/traces?at=1&${IN_ADDRESS}&zone=utc`);
  assert.equal(withTime("#/a/traces?window=1h", current), `#/a/traces?${IN_ADDRESS}&zone=utc`);
  assert.equal(withTime("#/a/traces?window=1h&zone=utc", "#/a/logs"), "#/a/traces");
});

test("the range around a moment has five minutes on either side", () => {
  assert.deepEqual(around(FIXED.from + 300_000), FIXED);
});

test("ranges are written in words, in the zone that is shown", () => {
  showIn("utc");
  assert.equal(textOfRange({ name: "6h" }), "in the last 6 h");
  assert.equal(textOfRange(FIXED), "31 Jan, 18:00 – 18:10");
  const long = { from: FIXED.from, to: at("2026-02-01T02:00:00Z") };
  assert.equal(textOfRange(long), "31 Jan, 18:00 – 1 Feb, 02:00");
});

test("a long or an old time range is refreshed less often", () => {
  const now = FIXED.to;
  assert.ok(refreshMsOf({ name: "15m" }, now) < refreshMsOf({ name: "7d" }, now));
  assert.equal(refreshMsOf(FIXED, now), refreshMsOf({ name: "15m" }, now));
  assert.ok(refreshMsOf(FIXED, now + 3_600_000) > refreshMsOf({ name: "7d" }, now));
});
