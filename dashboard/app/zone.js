// The time zone in which the pages show times: that of the browser, or UTC.

/** @typedef {"local" | "utc"} Zone value of `zone` in the address */

const STORED = "zone";
const MINUTE = 60_000;
const DAY = 86_400_000;

/** @type {Zone} */
let shown = "local";

/** The zone in the address, or else the last one chosen. @param {URLSearchParams} query @returns {Zone} */
export const chosenZone = (query) =>
  (query.get("zone") ?? localStorage.getItem(STORED)) === "utc" ? "utc" : "local";

/** Stores a choice for other pages. @param {Zone} zone */
export const storeZone = (zone) => localStorage.setItem(STORED, zone);

/** Shows times in a zone from now on. @param {Zone} zone */
export const showIn = (zone) => {
  shown = zone;
};

/** The zone in which times are shown. */
export const shownZone = () => shown;

/**
 * Returns the options that show a time in the zone, for `toLocaleString` and similar functions.
 *
 * @returns {Intl.DateTimeFormatOptions}
 */
export const zoned = () => (shown === "utc" ? { timeZone: "UTC" } : {});

/**
 * Returns by how many milliseconds the shown time is ahead of UTC.
 *
 * @param {number} at
 * @param {Zone} [zone]
 */
export const offsetMs = (at, zone = shown) =>
  zone === "utc" ? 0 : -new Date(at).getTimezoneOffset() * MINUTE;

/**
 * Returns the start of the day of a time, or of the day that is `days` later.
 *
 * @param {number} at
 * @param {number} [days]
 */
export function startOfDay(at, days = 0) {
  if (shown === "utc") return (Math.floor(at / DAY) + days) * DAY;
  const date = new Date(at);
  // A day may have 23 or 25 hours and need not begin at midnight, so `Date` does the arithmetic.
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/** Returns the number of days since 1970 in the calendar of the zone. @param {number} at */
export const dayNumber = (at) => Math.floor((at + offsetMs(at)) / DAY);

/**
 * Returns the name of a zone with its offset: "UTC", "local time (UTC+5:30)".
 *
 * @param {Zone} zone
 * @param {number} at
 */
export function nameOfZone(zone, at) {
  if (zone === "utc") return "UTC";
  const minutes = Math.abs(offsetMs(at, zone)) / MINUTE;
  const sign = offsetMs(at, zone) < 0 ? "−" : "+";
  const rest = minutes % 60 ? `:${String(minutes % 60).padStart(2, "0")}` : "";
  return `local time (UTC${minutes ? `${sign}${Math.floor(minutes / 60)}${rest}` : ""})`;
}

/** Returns a time as the value of an input for date and time. @param {number} at */
export const inputValue = (at) => new Date(at + offsetMs(at)).toISOString().slice(0, 19);

/**
 * Returns the time of the value of such an input; NaN if there is none. A value has no fractions of a
 * second, and in a repeated hour it stands for two times. So a value that has not been changed means
 * exactly `before`.
 *
 * @param {string} value
 * @param {number} [before] the time that the input has shown
 */
export function timeOfInput(value, before = NaN) {
  if (!Number.isNaN(before) && value === inputValue(before)) return before;
  return shown === "utc" ? Date.parse(`${value}Z`) : value ? new Date(value).getTime() : NaN;
}
