import { strict as assert } from "node:assert";
import { test } from "node:test";
import { rowLayout } from "../../../dashboard/app/ui/row-layout.js";

test("without higher rows, positions are multiples of the height", () => {
  const layout = rowLayout(10_000, 32, []);
  assert.equal(layout.height, 320_000);
  assert.equal(layout.topOf(250), 8_000);
  assert.deepEqual(layout.between(3_200, 3_999, 10), { first: 90, last: 135 });
});

test("a higher row moves those after it", () => {
  const layout = rowLayout(10, 10, [
    [7, 50],
    [2, 100],
  ]);
  assert.equal(layout.height, 250);
  assert.deepEqual([1, 2, 3, 7, 8].map(layout.topOf), [10, 20, 130, 170, 230]);
});

test("the rows between two positions are exactly those that overlap", () => {
  const higher = /** @type {[number, number][]} */ ([
    [2, 100],
    [7, 50],
  ]);
  const layout = rowLayout(10, 10, higher);
  const bottomOf = (index) => (index === 9 ? layout.height : layout.topOf(index + 1));
  for (let from = 0; from < layout.height; from += 5) {
    const to = from + 30;
    const overlapping = Array.from({ length: 10 }, (_, index) => index).filter(
      (index) => bottomOf(index) > from && layout.topOf(index) <= to,
    );
    const { first, last } = layout.between(from, to, 0);
    assert.deepEqual([first, last], [overlapping[0], overlapping.at(-1) + 1], `from ${from}`);
  }
});

test("positions outside of the list are its ends", () => {
  const layout = rowLayout(5, 10, []);
  assert.deepEqual(layout.between(-500, -400, 3), { first: 0, last: 0 });
  assert.deepEqual(layout.between(400, 500, 3), { first: 5, last: 5 });
  assert.deepEqual(rowLayout(0, 10, []).between(0, 500, 3), { first: 0, last: 0 });
});

test("an open row is found at any position within it", () => {
  const layout = rowLayout(100, 10, [[50, 2_000]]);
  assert.deepEqual(layout.between(1_500, 1_600, 0), { first: 50, last: 51 });
});
