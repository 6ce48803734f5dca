import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  linePath,
  isolatedPoints,
  nearestStop,
  positionOf,
  powersAround,
  rangeBetween,
  timeAt,
} from "../../../dashboard/app/charts/geometry.js";

test("without stops there is no nearest stop", () => assert.equal(nearestStop([], 10, 10), -1));

test("only the horizontal distance counts for stops without a height", () => {
  assert.equal(nearestStop([{ x: 0 }, { x: 50 }, { x: 100 }], 70, 9_000), 1);
});

test("the nearest dot is found in both directions, the first of two at the same distance", () => {
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

test("points between two gaps are isolated", () => {
  assert.deepEqual(isolatedPoints([[0, 0], null, [2, 2], null, [4, 4], [5, 5]]), [
    [0, 0],
    [2, 2],
  ]);
  assert.deepEqual(isolatedPoints([]), []);
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

const AXIS = { from: 1_000, to: 2_000, left: 50, right: 150 };

test("a selected part is a time range within the axis, of whole buckets if there are any", () => {
  for (const [stepMs, start, end, range] of [
    [undefined, 60, 110, { from: 1_100, to: 1_601 }],
    [undefined, 110, 60, { from: 1_100, to: 1_601 }],
    [undefined, 0, 500, { from: 1_000, to: 2_000 }],
    [250, 60, 110, { from: 1_000, to: 1_750 }],
    [250, 110, 60, { from: 1_000, to: 1_750 }],
    [250, 75, 100, { from: 1_250, to: 1_500 }],
    [250, 80, 80, { from: 1_250, to: 1_500 }],
    [250, 140, 900, { from: 1_750, to: 2_000 }],
    [250, 0, 20, null],
    [250, 160, 900, null],
    [undefined, 160, 900, null],
  ]) {
    const axis = { ...AXIS, stepMs };
    const times = [start, end].map((x) => timeAt(axis, x));
    assert.deepEqual(rangeBetween(axis, ...times), range, `${stepMs} ${start} ${end}`);
  }
});

test("positions beside the axis have the time of its nearer end", () => {
  assert.deepEqual(
    [0, 50, 100, 150, 900].map((x) => timeAt(AXIS, x)),
    [1_000, 1_000, 1_500, 2_000, 2_000],
  );
  assert.deepEqual(
    [0, 1_000, 1_500, 2_000, 9_000].map((at) => positionOf(AXIS, at)),
    [50, 50, 100, 150, 150],
  );
});

test("a range between two dots contains both, also if they are one, or the first of the axis", () => {
  for (const [one, other] of [
    [1_200, 1_400],
    [1_400, 1_200],
    [1_400, 1_400],
    [1_000, 1_000],
    [1_999, 1_000],
  ]) {
    const { from, to } = rangeBetween(AXIS, one, other);
    for (const at of [one, other]) assert.ok(from <= at && at < to, `${from} ${at} ${to}`);
  }
});
