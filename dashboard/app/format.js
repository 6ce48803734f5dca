// Numbers, times and texts for people.

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** 1,234 @param {number} value */
export const count = (value) => NUMBER.format(value);

/** 1.2K @param {number} value */
export const compact = (value) => COMPACT.format(value);

/** "1 span", "2 spans" @param {number} value @param {string} noun */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** 12.5 ms, 1.25 s, 2 m 5 s; a dash for none. @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${ms < 10 ? trim(ms, 2) : ms < 100 ? trim(ms, 1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${trim(ms / 1000, 2)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

const trim = (value, digits) => String(Number(value.toFixed(digits)));

/** 0.4 %; a dash when there is nothing to divide by. @param {number} part @param {number} whole */
export function percent(part, whole) {
  if (!whole) return "–";
  const value = (100 * part) / whole;
  return `${value === 0 || value >= 10 ? Math.round(value) : value < 0.1 ? "<0.1" : value.toFixed(1)} %`;
}

/** @param {string | number | Date} at */
const date = (at) => new Date(at);

/** 14:03:07 */
export const clock = (at) => date(at).toLocaleTimeString("en-GB");

/** 14:03:07.120 */
export const clockMs = (at) => `${clock(at)}.${String(date(at).getMilliseconds()).padStart(3, "0")}`;

/** 14:03 */
export const clockShort = (at) => clock(at).slice(0, 5);

/** 3 Feb */
export const day = (at) => date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });

/** 3 Feb 2026 */
export const fullDay = (at) => date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** 3 Feb 2026, 14:03:07 */
export const moment = (at) => `${fullDay(at)}, ${clock(at)}`;

/** 3 Feb, and nothing for today */
export const otherDay = (at) => (date(at).toDateString() === new Date().toDateString() ? "" : day(at));

/** "2 min. ago" @param {string} at @param {number} [now] */
export function ago(at, now = Date.now()) {
  const seconds = (Date.parse(at) - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

/** "Firefox on Linux", as well as a user agent tells. @param {string} text */
export function userAgent(text) {
  const browsers = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"], ["curl/", "curl"]];
  const systems = [["iPhone", "iPhone"], ["iPad", "iPad"], ["Android", "Android"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["CrOS", "ChromeOS"], ["Linux", "Linux"]];
  const named = (list) => list.find(([sign]) => text.includes(sign))?.[1];
  const [browser, system] = [named(browsers), named(systems)];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? (text.slice(0, 60) || "Unknown device");
}

/** Any JSON value on one line. @param {any} value */
export const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));
