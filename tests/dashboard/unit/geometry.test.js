import { strict as assert } from "node:assert";
import { test } from "node:test";
import { linePath, lonePoints, nearestStop, powersAround } from "../../../dashboard/app/charts/geometry.js";

test("of no stops none is the nearest", () => assert.equal(nearestStop([], 10, 10), -1));

test("stops of a series are found by their place along the time axis alone", () => {
  assert.equal(nearestStop([{ x: 0 }, { x: 50 }, { x: 100 }], 70, 9_000), 1);
});

test("dots are found in both directions, the first of two that are as near", () => {
  const dots = [
    { x: 10, y: 10 },
    { x: 10, y: 90 },
    { x: 10, y: 90 },
  ];
  assert.equal(nearestStop(dots, 12, 80), 1);
  assert.equal(nearestStop(dots, 12, 20), 0);
});

for (const [name, points, expected] of [
  ["no points", [], ""],
  ["only gaps", [null, null], ""],
  ["one point", [[1, 2]], "M1.0 2.0"],
  [
    "points in a row",
    [
      [0, 1],
      [2, 3.04],
    ],
    "M0.0 1.0L2.0 3.0",
  ],
  ["a gap in between", [[0, 1], null, [4, 5], [6, 7]], "M0.0 1.0M4.0 5.0L6.0 7.0"],
]) {
  test(`the line of ${name} is "${expected}"`, () => assert.equal(linePath(points), expected));
}

test("a point between two gaps is drawn as a dot, since a line through it has no length", () => {
  assert.deepEqual(lonePoints([[0, 0], null, [2, 2], null, [4, 4], [5, 5]]), [
    [0, 0],
    [2, 2],
  ]);
  assert.deepEqual(lonePoints([]), []);
});

for (const [values, expected] of [
  [[], [10, 1_000]],
  [[0], [0.1, 10]],
  [[-3], [0.1, 10]],
  [[5], [1, 100]],
  [[20], [10, 1_000]],
  [
    [0.5, 4_000],
    [0.1, 10_000],
  ],
  [[3_600_000], [10, 10_000_000]],
]) {
  test(`the powers of ten around [${values}] are ${expected.join(" and ")}`, () => {
    assert.deepEqual(powersAround(values, 0.1), expected);
  });
}
