import { strict as assert } from "node:assert";
import { test } from "node:test";
import { sorted } from "../../../dashboard/app/pages/attributes.js";
import { levelTone } from "../../../dashboard/app/pages/log-line.js";
import { titleOf } from "../../../dashboard/app/pages/requests-table.js";
import { isComparable } from "../../../dashboard/app/pages/traces.js";
import { serviceTones } from "../../../dashboard/app/pages/waterfall.js";

for (const [level, tone] of [
  ["error", "error"],
  ["FATAL", "error"],
  ["Warning", "warn"],
  ["warn", "warn"],
  ["info", ""],
  ["", ""],
  ["constructor", ""],
  ["__proto__", ""],
]) {
  test(`a line of the level "${level}" has ${tone ? `the color "${tone}"` : "no color"}`, () => {
    assert.equal(levelTone(level), tone);
  });
}

test("attributes are sorted by name", () => {
  assert.deepEqual(Object.keys(sorted({ b: 1, "a.c": 2, a: 3 })), ["a", "a.c", "b"]);
});

test("missing attributes are an empty object", () => {
  assert.deepEqual([sorted(null), sorted(undefined), sorted({})], [{}, {}, {}]);
});

test("services get colors in order of appearance, repeated after six", () => {
  const tones = serviceTones(["a", "b", "c", "d", "e", "f", "g"]);
  assert.equal(tones.get("a"), "service-0");
  assert.equal(tones.get("f"), "service-5");
  assert.equal(tones.get("g"), "service-0");
  assert.equal(serviceTones([]).size, 0);
});

test("a row of requests without a service leads to all services, and says so", () => {
  assert.equal(titleOf({ service: "shop", name: null }), "shop");
  assert.equal(titleOf({ service: "shop", name: "GET /" }), "GET /");
  assert.equal(titleOf({ service: null, name: null }), "all services");
});

test("traces are compared unless they are filtered by words or by a status other than failed", () => {
  const NONE = { q: "", status: "", min: "" };
  for (const [filters, expected] of [
    [{}, true],
    [{ min: "500" }, true],
    [{ status: "error" }, true],
    [{ status: "error", min: "500" }, false],
    [{ status: "5xx" }, false],
    [{ status: "ok" }, false],
    [{ q: "cart" }, false],
  ])
    assert.equal(isComparable({ ...NONE, ...filters }), expected, JSON.stringify(filters));
});
