// The time ranges that the user can choose from.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** @typedef {"15m" | "1h" | "6h" | "24h" | "7d"} SpanName value of `window` in the address */

/**
 * Time ranges by name. `stepSeconds` is the bucket width of metrics.
 *
 * @type {Record<SpanName, { label: string, ms: number, stepSeconds: 300 | 900 | 3600 }>}
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

/** The time range in the address, or else the last one chosen. @param {URLSearchParams} query @returns {SpanName} */
export function chosenSpan(query) {
  const name = query.get("window") ?? localStorage.getItem(STORED);
  return isSpan(name) ? name : DEFAULT;
}

/** Stores a choice for other pages. @param {SpanName} name */
export const storeSpan = (name) => localStorage.setItem(STORED, name);

/** Start of a time range that ends now, in RFC 3339. @param {SpanName} name @param {number} [now] */
export const startOf = (name, now = Date.now()) => new Date(now - SPANS[name].ms).toISOString();

/**
 * Milliseconds between refreshes. Longer for long time ranges, which cost the server more.
 *
 * @param {SpanName} name
 */
export const refreshMsOf = (name) => (SPANS[name].ms <= HOUR ? 4_000 : 20_000);
