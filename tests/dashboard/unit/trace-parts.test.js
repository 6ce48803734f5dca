import { strict as assert } from "node:assert";
import { test } from "node:test";
import { joined } from "../../../dashboard/app/pages/trace-parts.js";

const START = Date.parse("2026-01-31T12:00:00Z");

const span = (spanId, parentSpanId, startOffsetMs, more = {}) => ({
  spanId,
  parentSpanId,
  startOffsetMs,
  depth: 0,
  durationMs: 10,
  kind: null,
  service: null,
  isError: false,
  ...more,
});

const part = (afterMs, spans, more = {}) => ({
  traceId: "t",
  startTime: spans.length > 0 ? new Date(START + afterMs).toISOString() : null,
  durationMs: 100,
  services: [],
  spans,
  logs: [],
  gaps: [],
  isTruncated: false,
  ...more,
});

const shape = (trace) =>
  trace.spans.map(({ spanId, depth, startOffsetMs }) => [spanId, depth, startOffsetMs]);

test("parts without spans are no trace yet", () => {
  assert.equal(joined([part(0, [])]), null);
});

test("a trace in one part is shown as it came", () => {
  const only = part(0, [span("root", null, 0)]);
  assert.equal(joined([only, part(0, [])]), only);
});

test("spans of later parts find their parents, and all times begin with the earliest span", () => {
  const first = part(1_000, [span("child", "root", 0), span("orphan", "gone", 5)]);
  const second = part(0, [span("root", null, 0, { isError: true })]);
  const trace = joined([first, second]);
  assert.deepEqual(shape(trace), [
    ["root", 0, 0],
    ["child", 1, 1_000],
    ["orphan", 0, 1_005],
  ]);
  assert.deepEqual([trace.spanCount, trace.errorCount, trace.durationMs], [3, 1, 1_100]);
  assert.equal(Date.parse(trace.startTime), START);
});

test("a span in two parts is shown once, finished", () => {
  const unfinished = part(0, [span("root", null, 0, { durationMs: null })]);
  const trace = joined([unfinished, part(0, [span("root", null, 0)])]);
  assert.deepEqual(
    trace.spans.map(({ durationMs }) => durationMs),
    [10],
  );
});

test("a client and a server with one id are two spans, one below the other", () => {
  const client = part(0, [span("s", null, 0, { kind: "client" })]);
  const server = part(0, [span("s", null, 2, { kind: "server" }), span("below", "s", 3)]);
  assert.deepEqual(shape(joined([client, server])), [
    ["s", 0, 0],
    ["s", 1, 2],
    ["below", 2, 3],
  ]);
});

test("spans that are their own ancestors are shown", () => {
  const trace = joined([part(0, [span("a", "b", 1)]), part(0, [span("b", "a", 2)])]);
  assert.deepEqual(shape(trace), [
    ["a", 0, 1],
    ["b", 1, 2],
  ]);
});

test("log records are sorted over all parts", () => {
  const log = (second) => ({ timestamp: `2026-01-31T12:00:0${second}Z` });
  const parts = [part(0, [span("a", null, 0)], { logs: [log(3)] }), part(0, [], { logs: [log(1)] })];
  assert.deepEqual(joined(parts).logs, [log(1), log(3)]);
});
