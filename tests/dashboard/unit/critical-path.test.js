import { strict as assert } from "node:assert";
import { test } from "node:test";
import { criticalPath, lengthOf, sectionsByKey } from "../../../dashboard/app/trace/critical-path.js";
import { treeOf } from "../../../dashboard/app/trace/tree.js";
import { span, trace } from "./trace-samples.js";

const pathOf = (...spans) => criticalPath(treeOf(trace(spans)));
const shown = (sections) => sections.map(({ node, from, to }) => `${node.id} ${from}-${to}`);

test("a span alone is its own critical path", () => {
  assert.deepEqual(shown(pathOf(span("root", null, 0, [0, 100]))), ["root 0-100"]);
});

test("one after the other: each is waited for, and the root in between", () => {
  const path = pathOf(
    span("root", null, 0, [0, 100]),
    span("a", "root", 1, [10, 40]),
    span("b", "root", 1, [50, 90]),
  );
  assert.deepEqual(shown(path), ["root 0-10", "a 10-40", "root 40-50", "b 50-90", "root 90-100"]);
});

test("of concurrent spans, the one that ends last is waited for", () => {
  const path = pathOf(
    span("root", null, 0, [0, 100]),
    span("fast", "root", 1, [10, 60]),
    span("slow", "root", 1, [10, 90]),
  );
  assert.deepEqual(shown(path), ["root 0-10", "slow 10-90", "root 90-100"]);
});

test("before a concurrent span began, the one that had ended last was waited for", () => {
  const path = pathOf(
    span("root", null, 0, [0, 100]),
    span("first", "root", 1, [0, 30]),
    span("overlapping", "root", 1, [20, 70]),
    span("last", "root", 1, [40, 100]),
  );
  assert.deepEqual(shown(path), ["first 0-30", "root 30-40", "last 40-100"]);
});

test("the deepest span that was waited for counts", () => {
  const path = pathOf(
    span("root", null, 0, [0, 100]),
    span("a", "root", 1, [0, 100]),
    span("b", "a", 2, [20, 80]),
    span("c", "b", 3, [20, 80]),
  );
  assert.deepEqual(shown(path), ["a 0-20", "c 20-80", "a 80-100"]);
});

test("what goes on after its parent's end counts up to it", () => {
  const path = pathOf(
    span("root", null, 0, [0, 100]),
    span("a", "root", 1, [60, 150]),
    span("b", "a", 2, [70, 140]),
  );
  assert.deepEqual(shown(path), ["root 0-60", "a 60-70", "b 70-100"]);
});

test("what starts after its parent's end was not waited for", () => {
  const path = pathOf(span("root", null, 0, [0, 100]), span("mail", "root", 1, [110, 400]));
  assert.deepEqual(shown(path), ["root 0-100"]);
});

test("a span that is shown before its parent, because their clocks differ, counts from its parent's start", () => {
  const path = pathOf(
    span("top", null, 0, [0, 100]),
    span("parent", "top", 1, [50, 90]),
    span("skewed", "parent", 2, [30, 70]),
  );
  assert.deepEqual(shown(path), ["top 0-50", "skewed 50-70", "parent 70-90", "top 90-100"]);
});

test("spans without a duration, or of no length, do not cut the path", () => {
  const path = pathOf(
    span("root", null, 0, [0, 100]),
    span("unfinished", "root", 1, [10, null]),
    span("instant", "root", 1, [50, 50]),
  );
  assert.deepEqual(shown(path), ["root 0-100"]);
});

test("a root that never ended is followed through the spans below it", () => {
  const path = pathOf(span("root", null, 0, [0, null]), span("a", "root", 1, [10, 80]));
  assert.deepEqual(shown(path), ["root 0-10", "a 10-80"]);
});

test("without a root, the longest span at the top is the request", () => {
  const path = pathOf(span("short", "gone", 0, [0, 10]), span("long", "gone", 0, [5, 95]));
  assert.deepEqual(shown(path), ["long 5-95"]);
  assert.deepEqual(pathOf(), []);
});

test("the sections of any trace follow each other and add up to the duration of the root", () => {
  let seed = 7;
  const random = (most) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % most;
  };
  for (let round = 0; round < 200; round += 1) {
    const spans = [span("root", null, 0, [0, 1_000])];
    const depths = [0];
    for (let at = 1; at < 40; at += 1) {
      // Spans are depth first, so a parent is the last span of its depth.
      const depth = 1 + random(depths[at - 1] + 1);
      const from = random(1_100);
      const parent = spans.findLast((before) => before.depth === depth - 1);
      spans.push(span(`s${at}`, parent.spanId, depth, [from, from + random(500)]));
      depths.push(depth);
    }
    const path = pathOf(...spans);
    assert.deepEqual([path[0].from, path.at(-1).to], [0, 1_000]);
    for (let at = 1; at < path.length; at += 1) assert.equal(path[at].from, path[at - 1].to);
    assert.equal(lengthOf(path), 1_000);
  }
});

test("a chain of 10,000 spans is followed to its end", () => {
  const spans = Array.from({ length: 10_000 }, (_, at) =>
    span(`s${at}`, at ? `s${at - 1}` : null, at, [at, 20_000]),
  );
  const path = pathOf(...spans);
  assert.equal(path.length, 10_000);
  assert.equal(path.at(-1).node.id, "s9999");
});

test("sections are found by span, with their length", () => {
  const path = pathOf(span("root", null, 0, [0, 100]), span("a", "root", 1, [10, 40]));
  const byKey = sectionsByKey(path);
  const lengths = [...byKey].map(([key, sections]) => [key.trim(), lengthOf(sections)]);
  assert.deepEqual(Object.fromEntries(lengths), { root: 70, a: 30 });
  assert.equal(lengthOf(undefined), 0);
});
