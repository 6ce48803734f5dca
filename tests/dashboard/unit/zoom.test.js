import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  fromAddress,
  including,
  isWhole,
  moved,
  part,
  scaled,
  shareOf,
  ticksOf,
  toAddress,
  whole,
} from "../../../dashboard/app/trace/zoom.js";
import { actionOf, zoomBy } from "../../../dashboard/app/pages/waterfall-keys.js";

test("a part is between two times in any order, within the trace", () => {
  assert.deepEqual(part(80, 20, 100), { from: 20, to: 80 });
  assert.deepEqual(part(90, 120, 100), { from: 70, to: 100 });
  assert.deepEqual(part(-10, 500, 100), { from: 0, to: 100 });
});

test("a part is never empty", () => {
  const { from, to } = part(100, 100, 100);
  assert.ok(from < to && to <= 100);
});

test("zooming keeps the time around which it zooms in its place", () => {
  const zoom = scaled({ from: 0, to: 100 }, 0.5, 100, 80);
  assert.deepEqual(zoom, { from: 40, to: 90 });
  assert.equal(shareOf(zoom, 80), 0.8);
  assert.ok(isWhole(scaled(zoom, 4, 100), 100));
});

test("moving stops at the ends", () => {
  assert.deepEqual(moved({ from: 20, to: 40 }, 0.5, 100), { from: 30, to: 50 });
  assert.deepEqual(moved({ from: 20, to: 40 }, -5, 100), { from: 0, to: 20 });
  assert.deepEqual(moved({ from: 20, to: 40 }, 5, 100), { from: 80, to: 100 });
});

test("a span outside of the shown time is brought into it, and one inside moves nothing", () => {
  const zoom = { from: 20, to: 40 };
  assert.equal(including(zoom, 30, 90, 100), zoom);
  assert.deepEqual(including(zoom, 70, 72, 100), { from: 61, to: 81 });
  assert.deepEqual(including(zoom, 50, 90, 100), { from: 50, to: 90 });
});

test("the shown time is in the address, and the whole trace is not", () => {
  assert.equal(toAddress({ from: 1.23456, to: 50 }, 100), "1.235-50");
  assert.equal(toAddress(whole(100), 100), null);
  assert.deepEqual(fromAddress("1.235-50", 100), { from: 1.235, to: 50 });
});

for (const text of [null, "", "50", "50-20", "a-b", "200-300", "-5-20", "1e3-2e3", "20-20"]) {
  test(`the address "${text}" shows the whole trace`, () => {
    assert.deepEqual(fromAddress(text, 100), { from: 0, to: 100 });
  });
}

test("ticks are at round times within the shown time", () => {
  const ticks = ticksOf({ from: 0, to: 480 }, 5);
  assert.deepEqual(
    ticks.map(({ at, label }) => [at, label]),
    [
      [0, "0 ms"],
      [100, "100 ms"],
      [200, "200 ms"],
      [300, "300 ms"],
      [400, "400 ms"],
    ],
  );
});

test("labels of ticks differ, however short the shown time", () => {
  const labels = ticksOf({ from: 12_345.1, to: 12_345.9 }, 5).map(({ label }) => label);
  assert.deepEqual(labels, ["12345.2 ms", "12345.4 ms", "12345.6 ms", "12345.8 ms"]);
  assert.ok(ticksOf({ from: 3_600_000, to: 3_600_000.001 }, 5).length < 20);
});

test("keys fold, move and zoom", () => {
  const state = { index: 5, isFoldable: true, isFolded: false };
  assert.deepEqual(actionOf("ArrowDown", state), { kind: "go", index: 6 });
  assert.deepEqual(actionOf("PageUp", state), { kind: "go", index: 0 });
  assert.deepEqual(actionOf("ArrowLeft", state), { kind: "fold", isFolded: true });
  assert.deepEqual(actionOf("ArrowLeft", { ...state, isFolded: true }), { kind: "owner" });
  assert.equal(actionOf("ArrowRight", state), null);
  assert.equal(actionOf("constructor", state), null);
  assert.deepEqual(zoomBy(actionOf("+", state), { from: 0, to: 100 }, 100, 0), { from: 0, to: 50 });
  assert.deepEqual(zoomBy(actionOf("]", state), { from: 0, to: 50 }, 100), { from: 12.5, to: 62.5 });
  assert.deepEqual(zoomBy(actionOf("0", state), { from: 20, to: 50 }, 100), { from: 0, to: 100 });
});
