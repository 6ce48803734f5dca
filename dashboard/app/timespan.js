// The time ranges that the user can choose from: those that end now, and those between two times.

import { queryOf, storeInAddress, withChoices } from "./router.js";
import { day, clockShort, timeRange } from "./format.js";
import { shownZone } from "./zone.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** @typedef {"15m" | "1h" | "6h" | "24h" | "7d"} SpanName value of `window` in the address */
/** @typedef {{ name: SpanName }} Recent a range that ends now */
/** @typedef {{ from: number, to: number }} Fixed a range between two times, in milliseconds since 1970 */
/** @typedef {Recent | Fixed} Range */
/** @typedef {300 | 900 | 3600 | 21600 | 86400} Step width of a bucket of metrics, in seconds */

/**
 * Time ranges by name. `stepSeconds` is the bucket width of metrics.
 *
 * @type {Record<SpanName, { label: string, ms: number, stepSeconds: Step }>}
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

/** @type {Step[]} */
const STEPS = [300, 900, 3600, 21600, 86400];
const MOST_BUCKETS = 200;

/** Time before and after a moment that `around` covers. */
const AROUND = 5 * MINUTE;

/** Age from which a range changes no more, except by late batches. */
const SETTLED = 10 * MINUTE;

/** @param {string | null} name @returns {name is SpanName} */
const isSpan = (name) => name !== null && Object.hasOwn(SPANS, name);

/** Whether a range is between two times. @param {Range} range @returns {range is Fixed} */
export const isFixed = (range) => "from" in range;

/** A time in an address, in RFC 3339. Without an offset, it would be another time in each zone. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/**
 * The time range in the address, or else the last one chosen.
 *
 * @param {URLSearchParams} query
 * @returns {Range}
 */
export function chosenRange(query) {
  const [from, to] = ["from", "to"].map((name) => {
    const text = query.get(name) ?? "";
    return RFC_3339.test(text) ? Date.parse(text) : NaN;
  });
  if (from < to) return { from, to };
  const name = query.get("window") ?? localStorage.getItem(STORED);
  return { name: isSpan(name) ? name : DEFAULT };
}

/**
 * Stores a choice for other pages, unless it is between two times: that is only in the address.
 *
 * @param {Range} range
 */
export function storeRange(range) {
  if (!isFixed(range)) localStorage.setItem(STORED, range.name);
}

/**
 * Returns the start of a time range that ends now, in RFC 3339.
 *
 * @param {SpanName} name
 * @param {number} [now]
 */
export const startOf = (name, now = Date.now()) => new Date(now - SPANS[name].ms).toISOString();

/** Returns start and end of a range. @param {Range} range @param {number} [now] @returns {Fixed} */
export const boundsOf = (range, now = Date.now()) =>
  isFixed(range) ? range : { from: now - SPANS[range.name].ms, to: now };

/** Returns the parameters of the API for a range. @param {Range} range @param {number} [now] */
export function questionOf(range, now = Date.now()) {
  if (!isFixed(range)) return { from: startOf(range.name, now), to: null };
  return { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
}

/**
 * Returns the bucket width of metrics: for a fixed range, the smallest with at most 200 buckets.
 *
 * @param {Range} range
 * @returns {Step}
 */
export function stepOf(range) {
  if (!isFixed(range)) return SPANS[range.name].stepSeconds;
  const seconds = (range.to - range.from) / 1_000;
  return STEPS.find((step) => seconds / step <= MOST_BUCKETS) ?? 86400;
}

/**
 * Returns the choices in the address for a range and the zone. The zone is written even if it is the default:
 * without it, the last choice would apply, and Back would not undo that.
 *
 * @param {Range} range
 * @returns {Record<string, string | null>}
 */
export function choicesOf(range) {
  const zone = shownZone();
  return isFixed(range)
    ? { window: null, ...questionOf(range), zone }
    : { window: range.name, from: null, to: null, zone };
}

/** Writes a range into the address, so that a copied link contains it. @param {Range} range */
export const showInAddress = (range) => storeInAddress(choicesOf(range));

/**
 * Returns a link with the time range and zone of an address.
 *
 * @param {string} hash
 * @param {string} [current]
 */
export function withTime(hash, current = location.hash) {
  const query = queryOf(current);
  const names = ["window", "from", "to", "zone"];
  return withChoices(hash, Object.fromEntries(names.map((name) => [name, query.get(name)])));
}

/** Returns a link with another time range. @param {string} hash @param {Range} range */
export const withRange = (hash, range) => withChoices(hash, choicesOf(range));

/**
 * Returns the range from five minutes before a time until five minutes after it.
 *
 * @param {number} at
 * @returns {Fixed}
 */
export const around = (at) => ({ from: at - AROUND, to: at + AROUND });

/** Describes a range: "in the last 1 h", "27 Nov, 18:00 – 18:10". @param {Range} range */
export function textOfRange(range) {
  if (!isFixed(range)) return `in the last ${SPANS[range.name].label}`;
  const { from, to } = range;
  return day(from) === day(to)
    ? timeRange(from, to)
    : `${day(from)}, ${clockShort(from)} – ${day(to)}, ${clockShort(to)}`;
}

/**
 * Returns the milliseconds between refreshes. Longer for long time ranges, which cost the server more, and
 * for old ones, which hardly change.
 *
 * @param {Range} range
 * @param {number} [now]
 */
export function refreshMsOf(range, now = Date.now()) {
  const { from, to } = boundsOf(range, now);
  if (to < now - SETTLED) return 60_000;
  return to - from <= HOUR ? 4_000 : 20_000;
}
