// Numbers, times and texts for people.

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
/** In seconds, with the unit below each. @type {[Intl.RelativeTimeFormatUnit, number, number][]} */
const UNITS = [
  ["year", 31_536_000, 2_592_000],
  ["month", 2_592_000, 86_400],
  ["day", 86_400, 3_600],
  ["hour", 3_600, 60],
  ["minute", 60, 1],
];
const HALF_DAY_MS = 43_200_000;
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** 1,234 @param {number} value */
export const count = (value) => NUMBER.format(value);

/** 1.2K @param {number} value */
export const compact = (value) => COMPACT.format(value);

/** "1 span", "2 spans" @param {number} value @param {string} noun */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** 12.5 ms, 1.25 s, 2 m 5 s, 3 h 4 m, 5 d 6 h; a dash for none. @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  return ms < 0 ? `−${inUnits(-ms)}` : inUnits(ms);
}

/** Each unit is left where rounding would reach the next: never 1000 ms, 60 s or 24 h. @param {number} ms */
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
 * "2 m 5 s" of 125 seconds; null where the first number would reach `limit`.
 *
 * @param {number} amount in the smaller unit
 * @param {number} factor how many of them make the greater one
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

/** 0.4 %; a dash when there is nothing to divide by. @param {number} part @param {number} whole */
export function percent(part, whole) {
  const value = (100 * part) / whole;
  if (!Number.isFinite(value)) return "–";
  if (value > 0 && value < 0.1) return "<0.1 %";
  if (value < 100 && Math.round(value) === 100) return ">99 %";
  const isSmall = value !== 0 && Number(value.toFixed(1)) < 10;
  return `${isSmall ? value.toFixed(1) : Math.round(value)} %`;
}

/** @typedef {string | number} Instant as the API writes it, or in milliseconds since 1970 */

/** @param {Instant} at */
const date = (at) => new Date(at);

/** 14:03:07 @param {Instant} at */
export const clock = (at) => date(at).toLocaleTimeString("en-GB");

/** 14:03:07.120 @param {Instant} at */
export const clockMs = (at) => `${clock(at)}.${String(date(at).getMilliseconds()).padStart(3, "0")}`;

/** 14:03 @param {Instant} at */
export const clockShort = (at) => clock(at).slice(0, 5);

/** 14:03 GMT+2 @param {Instant} at */
const clockWithZone = (at) =>
  date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZoneName: "shortOffset" });

/** 3 Feb @param {Instant} at */
export const day = (at) => date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });

/** 3 Feb 2026 @param {Instant} at */
export const fullDay = (at) =>
  date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** 3 Feb 2026, 14:03:07 @param {Instant} at */
export const moment = (at) => `${fullDay(at)}, ${clock(at)}`;

/** 3 Feb, and nothing for today @param {Instant} at @param {number} [now] */
export const otherDay = (at, now = Date.now()) =>
  date(at).toDateString() === date(now).toDateString() ? "" : day(at);

/**
 * "3 Feb, 14:00 – 14:15"; with the offset from UTC around a change of the clocks, when
 * an hour may come twice.
 *
 * @param {number} from milliseconds since 1970
 * @param {number} to
 */
export function stretch(from, to) {
  const offset = (/** @type {number} */ at) => date(at).getTimezoneOffset();
  const isPlain = offset(from - HALF_DAY_MS) === offset(to + HALF_DAY_MS);
  const start = isPlain || offset(from) === offset(to) ? clockShort(from) : clockWithZone(from);
  return `${day(from)}, ${start} – ${isPlain ? clockShort(to) : clockWithZone(to)}`;
}

/** "2 min. ago" @param {string} at @param {number} [now] */
export function ago(at, now = Date.now()) {
  const seconds = (Date.parse(at) - now) / 1_000;
  for (const [unit, length, below] of UNITS) {
    // What would be written as 60 minutes is an hour.
    if (Math.abs(Math.round(seconds / below)) * below >= length)
      return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

/** "Firefox on Linux", as far as a user agent says. @param {string} text */
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
  const named = (/** @type {string[][]} */ list) => list.find(([sign]) => text.includes(sign))?.[1];
  const [browser, system] = [named(browsers), named(systems)];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? (text.slice(0, 60) || "Unknown device");
}

/** Any JSON value on one line. @param {unknown} value */
export const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));
