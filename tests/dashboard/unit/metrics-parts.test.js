import assert from "node:assert/strict";
import { test } from "node:test";

import { merged, metricsInParts } from "../../../dashboard/app/metrics-parts.js";

const stats = (count, ms = null) => ({
  count,
  errors: count,
  avgMs: ms,
  minMs: ms,
  maxMs: ms,
  p50Ms: ms,
  p95Ms: ms,
  p99Ms: ms,
});
const total = (count, ms) => ({ ...stats(count, ms), requests: stats(count, ms) });
const part = (from, buckets, more = null) => ({
  from,
  to: "12:30",
  buckets: buckets.map(([startTime, count]) => ({ startTime, ...total(count, 10) })),
  total: total(1, 10),
  searchedTo: more && from,
  nextCursor: more,
  gaps: [],
});
const counts = ({ buckets }) => buckets.map((bucket) => [bucket.startTime, bucket.count]);

test("parts follow each other, and a bucket in two parts is one", () => {
  const newer = part(
    "12:10",
    [
      ["12:10", 1],
      ["12:15", 2],
    ],
    "c",
  );
  const before = merged(
    part("12:00", [
      ["12:00", 3],
      ["12:05", 4],
    ]),
    newer,
  );
  assert.deepEqual(counts(before), [
    ["12:00", 3],
    ["12:05", 4],
    ["12:10", 1],
    ["12:15", 2],
  ]);
  assert.deepEqual(
    [before.from, before.to, before.searchedTo, before.nextCursor],
    ["12:00", "12:30", null, null],
  );
  const within = merged(
    part("12:05", [
      ["12:05", 4],
      ["12:10", 5],
    ]),
    newer,
  );
  assert.deepEqual(counts(within), [
    ["12:05", 4],
    ["12:10", 6],
    ["12:15", 2],
  ]);
  assert.deepEqual(counts(merged(part("12:10", []), newer)), counts(newer));
  assert.deepEqual(counts(merged(newer, part("12:30", []))), counts(newer));
});

test("counts are added, and durations are averaged by the number of events", () => {
  const { total: sum } = merged(
    { ...part("a", []), total: total(3, 10) },
    { ...part("b", []), total: total(1, 50) },
  );
  assert.deepEqual([sum.count, sum.errors, sum.requests.count], [4, 4, 4]);
  assert.deepEqual([sum.avgMs, sum.minMs, sum.maxMs, sum.p95Ms], [20, 10, 50, 20]);
  const { total: half } = merged(
    { ...part("a", []), total: total(0) },
    { ...part("b", []), total: total(1, 50) },
  );
  assert.deepEqual([half.avgMs, half.p50Ms], [50, 50]);
  const { total: none } = merged(
    { ...part("a", []), total: total(0) },
    { ...part("b", []), total: total(0) },
  );
  assert.deepEqual([none.count, none.avgMs], [0, null]);
});

test("at most two parts are loaded, each from where the last ended", async () => {
  const asked = [];
  const load = async (query) => {
    asked.push(query.cursor ?? "");
    return part(`from ${asked.length}`, [[`${9 - asked.length}`, 1]], `c${asked.length}`);
  };
  const metrics = await metricsInParts({ applicationId: "a" }, undefined, load);
  assert.deepEqual(asked, ["", "c1"]);
  assert.deepEqual(counts(metrics), [
    ["7", 1],
    ["8", 1],
  ]);
  assert.equal(metrics.searchedTo, "from 2");
});
