import { strict as assert } from "node:assert";
import { test } from "node:test";
import { SKEW_MARKS, skewOf, skewText } from "../../../dashboard/app/trace/skew.js";
import { treeOf } from "../../../dashboard/app/trace/tree.js";
import { span, trace } from "./trace-samples.js";

/** The second span of a trace whose first takes 100 milliseconds from 50. */
const below = (times, more) => {
  const spans = [span("root", null, 0, [50, 150]), span("child", "root", 1, times, more)];
  return skewOf(treeOf(trace(spans)).nodes[1]);
};

for (const [what, times, more, expected] of [
  ["within its parent", [60, 140], {}, null],
  ["exactly as long as its parent", [50, 150], {}, null],
  ["less than a millisecond outside", [49.5, 150.5], {}, null],
  ["before its parent", [30, 60], {}, { kind: "before", ms: 20 }],
  ["after its parent's end", [170, 180], {}, { kind: "after", ms: 20 }],
  ["beyond its parent's end", [100, 180], {}, { kind: "beyond", ms: 30 }],
  ["corrected by the server", [60, 70], { clockSkewMs: 40 }, { kind: "corrected", ms: 40 }],
]) {
  test(`a span ${what} is ${expected ? `marked as ${expected.kind}` : "not marked"}`, () => {
    const skew = below(times, more);
    assert.deepEqual(skew, expected);
    if (!skew) return;
    assert.ok(SKEW_MARKS[skew.kind].length > 0);
    assert.ok(skewText(skew, (ms) => `${ms} ms`).includes(`${expected.ms} ms`));
  });
}

test("without an end, or without a parent, nothing is outside", () => {
  const unfinished = [span("root", null, 0, [0, null]), span("child", "root", 1, [10, 500])];
  const [root, child] = treeOf(trace(unfinished)).nodes;
  assert.deepEqual([skewOf(root), skewOf(child)], [null, null]);
  const [missing, orphan] = treeOf(trace([span("a", "gone", 0, [10, 500])])).nodes;
  assert.deepEqual([skewOf(missing), skewOf(orphan)], [null, null]);
});
