import { strict as assert } from "node:assert";
import { test } from "node:test";
import { linear, logarithmic, powerTicks, roundTicks } from "../../../dashboard/app/charts/scale.js";

test("a linear scale maps the domain to the range, and continues outside", () => {
  const place = linear([0, 10], [100, 0]);
  assert.deepEqual([0, 5, 10, 20, -10].map(place), [100, 50, 0, -100, 200]);
});

test("a scale of a single value maps every value to the start", () => {
  const place = linear([5, 5], [52, 400]);
  assert.deepEqual([0, 5, 100].map(place), [52, 52, 52]);
});

test("a logarithmic scale gives each power of ten the same length", () => {
  const place = logarithmic([1, 1_000], [0, 300]);
  assert.deepEqual([1, 10, 100, 1_000].map(place).map(Math.round), [0, 100, 200, 300]);
});

test("a logarithmic scale maps values outside the domain to its ends", () => {
  const place = logarithmic([1, 1_000], [0, 300]);
  assert.deepEqual([0, -5, 0.5, 5_000, Infinity].map(place).map(Math.round), [0, 0, 0, 300, 300]);
});

for (const [max, wanted, expected] of [
  [0, 3, [0, 0.5, 1]],
  [-5, 3, [0, 0.5, 1]],
  [NaN, 3, [0, 0.5, 1]],
  [Infinity, 3, [0, 0.5, 1]],
  [1, 3, [0, 0.5, 1]],
  [3, 3, [0, 1, 2, 3]],
  [7, 3, [0, 5, 10]],
  [10, 3, [0, 5, 10]],
  [99, 3, [0, 50, 100]],
  [101, 3, [0, 50, 100, 150]],
  [0.003, 3, [0, 0.001, 0.002, 0.003]],
  [2e9, 3, [0, 1e9, 2e9]],
]) {
  test(`round ticks up to ${max} are ${expected.join(", ")}`, () => {
    const ticks = roundTicks(Number(max), Number(wanted));
    assert.equal(ticks.length, expected.length);
    for (const [index, tick] of ticks.entries()) {
      assert.ok(Math.abs(tick - expected[index]) <= 1e-9 * (expected[index] || 1));
    }
  });
}

test("round ticks reach the largest value", () => {
  for (let max = 1e-6; max < 1e12; max *= 1.37) {
    const ticks = roundTicks(max, 3);
    assert.ok(ticks[ticks.length - 1] >= max * (1 - 1e-9), String(max));
    assert.ok(ticks.length >= 2 && ticks.length <= 5, `${ticks.length} ticks for ${max}`);
  }
});

for (const [low, high, expected] of [
  [1, 1_000, [1, 10, 100, 1_000]],
  [0.1, 10, [0.1, 1, 10]],
  [2, 9, []],
  [5, 50, [10]],
  [1_000, 1, []],
]) {
  test(`powers of ten from ${low} to ${high} are ${expected.join(", ") || "none"}`, () => {
    assert.deepEqual(powerTicks(low, high), expected);
  });
}
