// Metrics in several responses, for applications with more telemetry than one response counts.

import * as api from "./api.js";

/**
 * @import { Metrics, Stats, Total } from "../types/openapi"
 * @import { Query } from "../types/routes"
 */

/** Largest number of responses for one page. At every refresh, each takes seconds and costs reads. */
const MAX_PARTS = 2;

/**
 * Loads metrics, beginning with the newest buckets. `searchedTo` of the result is null if the whole time
 * range was counted.
 *
 * @param {Query<"get", "/telemetry/metrics">} query
 * @param {AbortSignal} signal
 * @param {typeof api.metrics} load
 * @returns {Promise<Metrics>}
 */
export async function metricsInParts(query, signal, load = api.metrics) {
  let metrics = await load(query, signal);
  for (let parts = 1; metrics.nextCursor && parts < MAX_PARTS; parts += 1) {
    metrics = merged(await load({ ...query, cursor: metrics.nextCursor }, signal), metrics);
  }
  return metrics;
}

/** Joins two consecutive parts. @param {Metrics} older @param {Metrics} newer @returns {Metrics} */
export function merged(older, newer) {
  const buckets = [...older.buckets];
  const [first, ...rest] = newer.buckets;
  const last = buckets.at(-1);
  if (first && last?.startTime === first.startTime) {
    // The bucket has too much telemetry for one response, so each part has counted some of it.
    buckets[buckets.length - 1] = { ...mergedTotal(last, first), startTime: first.startTime };
  } else if (first) buckets.push(first);
  return {
    ...newer,
    from: older.from,
    buckets: [...buckets, ...rest],
    total: mergedTotal(older.total, newer.total),
    searchedTo: older.searchedTo,
    nextCursor: older.nextCursor,
    gaps: [...older.gaps, ...newer.gaps],
  };
}

/** @param {Total} a @param {Total} b @returns {Total} */
const mergedTotal = (a, b) => ({ ...mergedStats(a, b), requests: mergedStats(a.requests, b.requests) });

/**
 * Percentiles of two parts cannot be computed from those of each. Their average, by the number of events,
 * is close if the parts are alike.
 *
 * @param {Stats} a @param {Stats} b @returns {Stats}
 */
function mergedStats(a, b) {
  const count = a.count + b.count;
  /**
   * @param {(x: number, y: number) => number} combine
   * @param {"avgMs" | "minMs" | "maxMs" | "p50Ms" | "p95Ms" | "p99Ms"} name
   */
  const combined = (combine, name) => {
    const [x, y] = [a[name] ?? null, b[name] ?? null];
    if (x === null || y === null) return x ?? y;
    return combine(x, y);
  };
  /** @param {number} x @param {number} y */
  const average = (x, y) => (x * a.count + y * b.count) / count;
  return {
    count,
    errors: a.errors + b.errors,
    avgMs: combined(average, "avgMs"),
    minMs: combined(Math.min, "minMs"),
    maxMs: combined(Math.max, "maxMs"),
    p50Ms: combined(average, "p50Ms"),
    p95Ms: combined(average, "p95Ms"),
    p99Ms: combined(average, "p99Ms"),
  };
}
