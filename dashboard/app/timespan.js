// The stretches of time a reader can choose from.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** @typedef {"15m" | "1h" | "6h" | "24h" | "7d"} SpanName as in the address */

/**
 * By name; `stepSeconds` is the width of a metric's bucket.
 *
 * @type {Record<SpanName, { label: string, ms: number, stepSeconds: number }>}
 */
export const SPANS = {
  "15m": { label: "15 min", ms: 15 * MINUTE, stepSeconds: 300 },
  "1h": { label: "1 h", ms: HOUR, stepSeconds: 300 },
  "6h": { label: "6 h", ms: 6 * HOUR, stepSeconds: 300 },
  "24h": { label: "24 h", ms: 24 * HOUR, stepSeconds: 900 },
  "7d": { label: "7 days", ms: 168 * HOUR, stepSeconds: 3600 },
};

/** @type {SpanName} */
const DEFAULT = "1h";
const STORED = "window";

/** @param {string | null} name @returns {name is SpanName} */
const isSpan = (name) => name !== null && Object.hasOwn(SPANS, name);

/** The one in the address, or the last one chosen. @param {URLSearchParams} query @returns {SpanName} */
export function chosenSpan(query) {
  const name = query.get("window") ?? localStorage.getItem(STORED);
  return isSpan(name) ? name : DEFAULT;
}

/** Keeps a choice for the next page. @param {SpanName} name */
export const keepSpan = (name) => localStorage.setItem(STORED, name);

/** From when on. @param {SpanName} name @param {number} [now] */
export const beginOf = (name, now = Date.now()) => new Date(now - SPANS[name].ms).toISOString();

/**
 * How long to wait before looking again: a long stretch costs the server more to read.
 *
 * @param {SpanName} name
 */
export const pauseOf = (name) => (SPANS[name].ms <= HOUR ? 4_000 : 20_000);
