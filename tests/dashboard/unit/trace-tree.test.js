import { strict as assert } from "node:assert";
import { test } from "node:test";
import { ancestors, foldable, shownRows, treeOf } from "../../../dashboard/app/trace/tree.js";
import { log, span, trace } from "./trace-samples.js";

const names = (rows) =>
  rows.map(({ node, log, depth }) => `${"-".repeat(depth)}${log ? log.log.message : node.id}`);

const all = (tree) => names(shownRows(tree, new Set(), true));

const SHOP = trace(
  [
    span("root", null, 0, [0, 100]),
    span("cart", "root", 1, [10, 40]),
    span("query", "cart", 2, [20, 30]),
    span("payment", "root", 1, [50, 90]),
  ],
  [log("root", 45, "between"), log("query", 25, "slow"), log(null, 5, "stray"), log("gone", 2, "lost")],
);

test("spans and log records are listed depth first, in order of their times", () => {
  assert.deepEqual(all(treeOf(SHOP)), [
    "root",
    "-cart",
    "--query",
    "---slow",
    "-between",
    "-payment",
    "lost",
    "stray",
  ]);
});

test("log records can be left out", () => {
  const rows = shownRows(treeOf(SHOP), new Set(), false);
  assert.deepEqual(names(rows), ["root", "-cart", "--query", "-payment"]);
});

test("a folded span hides all below it, and nothing else", () => {
  const tree = treeOf(SHOP);
  const cart = tree.nodes.find(({ id }) => id === "cart");
  const rows = shownRows(tree, new Set([cart.key]), true);
  assert.deepEqual(names(rows), ["root", "-cart", "-between", "-payment", "lost", "stray"]);
});

test("with all spans folded, the top is left", () => {
  const tree = treeOf(SHOP);
  assert.deepEqual(names(shownRows(tree, new Set(foldable(tree)), false)), ["root"]);
});

test("spans whose parent is not in the trace are below a missing span, one for each parent", () => {
  const spans = [
    span("root", null, 0, [0, 100]),
    span("a", "other", 0, [10, 20]),
    span("b", "third", 0, [15, 20]),
    span("c", "other", 0, [30, 40]),
    span("d", "c", 1, [31, 32]),
  ];
  const tree = treeOf(trace(spans));
  assert.deepEqual(all(tree), ["root", "other", "-a", "-c", "--d", "third", "-b"]);
  const missing = tree.nodes.find(({ id }) => id === "other");
  assert.deepEqual([missing.span, missing.start, missing.end], [null, 10, 40]);
});

test("a span at the top whose parent is in the trace is not called missing", () => {
  const cycle = [span("a", "b", 0, [0, 2]), span("b", "a", 1, [1, 2])];
  assert.deepEqual(all(treeOf(trace(cycle))), ["a", "-b"]);
});

test("a client and a server with one id have rows of their own, and the record is the server's", () => {
  const spans = [
    span("s", null, 0, [0, 10], { kind: "client" }),
    span("s", null, 1, [2, 8], { kind: "server" }),
  ];
  const tree = treeOf(trace(spans, [log("s", 3, "handled")]));
  assert.equal(new Set(tree.rows.map(({ key }) => key)).size, 3);
  assert.deepEqual(all(tree), ["s", "-s", "--handled"]);
});

test("keys of spans stay the same when others are added", () => {
  const [first] = SHOP.spans;
  const before = treeOf(trace([first], [log("root", 3, "early")]));
  const keys = new Set(treeOf(trace(SHOP.spans, [log("root", 3, "early")])).rows.map(({ key }) => key));
  for (const { key } of before.rows) assert.ok(keys.has(key), key);
});

test("a span without a duration ends with the last span below it", () => {
  const spans = [
    span("root", null, 0, [0, null]),
    span("a", "root", 1, [10, null]),
    span("b", "a", 2, [20, 170]),
  ];
  const tree = treeOf(trace(spans));
  assert.deepEqual(
    tree.nodes.map(({ end }) => end),
    [170, 170, 170],
  );
  assert.equal(tree.totalMs, 170);
});

test("the time of a record is corrected as its span is", () => {
  const behind = span("b", "root", 1, [40, 60], { clockSkewMs: 50, startTime: "2026-01-31T11:59:59.990Z" });
  const tree = treeOf(trace([span("root", null, 0, [0, 100]), behind], [log("b", 0, "late")]));
  assert.equal(tree.rows.find(({ log }) => log).log.at, 50);
});

test("a chain of 10,000 spans is no problem", () => {
  const spans = Array.from({ length: 10_000 }, (_, at) =>
    span(`s${at}`, at ? `s${at - 1}` : null, at, [0, 100]),
  );
  const tree = treeOf(trace(spans));
  assert.equal(tree.rows.length, 10_000);
  assert.equal(ancestors(tree.nodes[9_999]).length, 9_999);
});

test("a trace without spans has no rows", () => {
  assert.deepEqual(treeOf(trace([])).rows, []);
});
