// Formats numbers, times and other values for display. Times are in the zone of zone.js.

import { offsetMs, zoned } from "./zone.js";

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
/**
 * Name, length in seconds, and length of the next smaller unit.
 *
 * @type {[Intl.RelativeTimeFormatUnit, number, number][]}
 */
const UNITS = [
  ["year", 31_536_000, 2_592_000],
  ["month", 2_592_000, 86_400],
  ["day", 86_400, 3_600],
  ["hour", 3_600, 60],
  ["minute", 60, 1],
];
const HALF_DAY_MS = 43_200_000;
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** Formats with separators: 1,234. @param {number} value */
export const count = (value) => NUMBER.format(value);

/** Formats with a unit prefix: 1.2K. @param {number} value */
export const compact = (value) => COMPACT.format(value);

/** Formats a size, such as 1.5 KB. @param {number} size in bytes */
export function bytes(size) {
  if (size < 1_000) return plural(size, "byte");
  const [divisor, unit] = size < 1_000_000 ? [1_000, "KB"] : [1_000_000, "MB"];
  return `${Number((size / divisor).toPrecision(3))} ${unit}`;
}

/** Formats a count with its noun: "1 span", "2 spans". @param {number} value @param {string} noun */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/**
 * Formats as 12.5 ms, 1.25 s, 2 m 5 s, 3 h 4 m or 5 d 6 h; a dash if null.
 *
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  return ms < 0 ? `−${inUnits(-ms)}` : inUnits(ms);
}

/** Chooses the unit after rounding, so that 1000 ms, 60 s and 24 h do not occur. @param {number} ms */
function inUnits(ms) {
  if (ms === 0) return "0 ms";
  const microseconds = Math.round(ms * 1_000);
  if (microseconds < 1_000) return `${Math.max(1, microseconds)} µs`;
  if (Math.round(ms) < 1_000) return `${trim(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
  const seconds = trim(ms / 1_000, 2);
  if (Number(seconds) < 60) return `${seconds} s`;
  return (
    inTwo(ms / 1_000, 60, 60, "m", "s") ??
    inTwo(ms / 60_000, 60, 24, "h", "m") ??
    inTwo(ms / 3_600_000, 24, Infinity, "d", "h") ??
    "–"
  );
}

/**
 * Formats in two units: 125 s as "2 m 5 s". Returns null if the first number reaches `limit`.
 *
 * @param {number} amount in the smaller unit
 * @param {number} factor smaller units in a greater one
 * @param {number} limit
 * @param {string} greater
 * @param {string} smaller
 */
function inTwo(amount, factor, limit, greater, smaller) {
  const whole = Math.round(amount);
  const first = Math.floor(whole / factor);
  return first < limit ? `${count(first)} ${greater} ${whole % factor} ${smaller}` : null;
}

/** @param {number} value @param {number} digits */
const trim = (value, digits) => String(Number(value.toFixed(digits)));

/** Formats a share as 0.4 %; a dash if `whole` is 0. @param {number} part @param {number} whole */
export function percent(part, whole) {
  const value = (100 * part) / whole;
  if (!Number.isFinite(value)) return "–";
  if (value > 0 && value < 0.1) return "<0.1 %";
  if (value < 100 && Math.round(value) === 100) return ">99 %";
  const isSmall = value !== 0 && Number(value.toFixed(1)) < 10;
  return `${isSmall ? value.toFixed(1) : Math.round(value)} %`;
}

/**
 * Formats a rate per second, or per minute or hour if it is small: 2.5/s, 12/min, 3/h.
 *
 * @param {number} perSecond
 */
export function perTime(perSecond) {
  if (perSecond >= 1) return `${compact(perSecond)}/s`;
  const perMinute = 60 * perSecond;
  return perMinute >= 1 ? `${compact(perMinute)}/min` : `${compact(60 * perMinute)}/h`;
}

/** @typedef {string | number} Instant in RFC 3339, or in milliseconds since 1970 */

/** @param {Instant} at */
const date = (at) => new Date(at);

/** Time as 14:03:07. @param {Instant} at */
export const clock = (at) => date(at).toLocaleTimeString("en-GB", zoned());

/** Time as 14:03:07.120. @param {Instant} at */
export const clockMs = (at) => `${clock(at)}.${String(date(at).getMilliseconds()).padStart(3, "0")}`;

/** Time as 14:03. @param {Instant} at */
export const clockShort = (at) => clock(at).slice(0, 5);

/** Time and offset as 14:03 GMT+2. @param {Instant} at */
const clockWithZone = (at) =>
  date(at).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "shortOffset",
    ...zoned(),
  });

/** Date as 3 Feb. @param {Instant} at */
export const day = (at) =>
  date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", ...zoned() });

/** Date as 3 Feb 2026. @param {Instant} at */
export const fullDay = (at) =>
  date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", ...zoned() });

/** Date and time as 3 Feb 2026, 14:03:07. @param {Instant} at */
export const moment = (at) => `${fullDay(at)}, ${clock(at)}`;

/** Date as 3 Feb; empty if it is today. @param {Instant} at @param {number} [now] */
export const otherDay = (at, now = Date.now()) => (fullDay(at) === fullDay(now) ? "" : day(at));

/** Date and time as 3 Feb, 14:03; today's without the date. @param {Instant} at @param {number} [now] */
export const dayAndTime = (at, now = Date.now()) =>
  [otherDay(at, now), clockShort(at)].filter(Boolean).join(", ");

/**
 * Formats a time range as "3 Feb, 14:00 – 14:15". Within 12 hours of a daylight saving change,
 * when an hour may occur twice, the offset from UTC is added.
 *
 * @param {number} from milliseconds since 1970
 * @param {number} to
 */
export function timeRange(from, to) {
  const isPlain = offsetMs(from - HALF_DAY_MS) === offsetMs(to + HALF_DAY_MS);
  const start = isPlain || offsetMs(from) === offsetMs(to) ? clockShort(from) : clockWithZone(from);
  return `${day(from)}, ${start} – ${isPlain ? clockShort(to) : clockWithZone(to)}`;
}

/**
 * Describes in a sentence the hours with telemetry that cannot be shown; empty if there are none.
 *
 * @param {{ from: string, to: string }[]} gaps
 */
export function textOfGaps(gaps) {
  const ranges = gaps.map(({ from, to }) => timeRange(Date.parse(from), Date.parse(to)));
  return ranges.length
    ? `Some telemetry is stored but not shown, because this version cannot read it: ${ranges.join("; ")}.`
    : "";
}

/** Formats the age of a time: "2 min. ago". @param {string} at @param {number} [now] */
export function ago(at, now = Date.now()) {
  const seconds = (Date.parse(at) - now) / 1_000;
  for (const [unit, length, below] of UNITS) {
    // A value that rounds to 60 minutes is written as an hour.
    if (Math.abs(Math.round(seconds / below)) * below >= length)
      return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

/** Describes a user agent: "Firefox on Linux". @param {string} text */
export function userAgent(text) {
  const browsers = [
    ["Edg/", "Edge"],
    ["OPR/", "Opera"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
    ["curl/", "curl"],
  ];
  const systems = [
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Android", "Android"],
    ["Windows", "Windows"],
    ["Mac OS", "macOS"],
    ["CrOS", "ChromeOS"],
    ["Linux", "Linux"],
  ];
  const named = (/** @type {string[][]} */ list) => list.find(([token]) => text.includes(token))?.[1];
  const browser = named(browsers);
  const system = named(systems);
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? (text.slice(0, 60) || "Unknown device");
}

/** Formats a JSON value in one line; a string without quotes. @param {unknown} value */
export const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));
