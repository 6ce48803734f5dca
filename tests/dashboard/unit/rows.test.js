import { strict as assert } from "node:assert";
import { test } from "node:test";
import { sorted } from "../../../dashboard/app/pages/attributes.js";
import { levelTone } from "../../../dashboard/app/pages/log-line.js";
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
