// Chooses the labels of a time axis, in the zone of zone.js.

import { clock, clockShort, day } from "../format.js";
import { dayNumber, offsetMs, startOfDay } from "../zone.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Each step divides a day, so that midnight is always a tick. */
const CLOCK_STEPS = [
  SECOND,
  5 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];
/** Axes longer than this are labelled with dates instead of times of day. */
const DAYS_FROM = 2 * DAY;

/** @typedef {{ at: number, label: string }} TimeTick `at` in milliseconds since 1970 */

/**
 * Returns the ticks within a time range, in order: at round times of day, or at starts of days, in the
 * shown zone.
 *
 * @param {number} from milliseconds since 1970
 * @param {number} to
 * @param {number} wanted approximate number of ticks
 * @returns {TimeTick[]}
 */
export function timeTicks(from, to, wanted) {
  const roughStep = (to - from) / wanted;
  const step = to - from > DAYS_FROM ? undefined : CLOCK_STEPS.find((candidate) => candidate >= roughStep);
  if (step === undefined) {
    return dayStarts(from, to, Math.max(1, Math.ceil(roughStep / DAY))).map((at) => ({ at, label: day(at) }));
  }
  const label = step < MINUTE ? clock : clockShort;
  return clockTimes(from, to, step).map((at) => ({ at, label: label(at) }));
}

/** @param {number} from @param {number} to @param {number} days between two ticks */
function dayStarts(from, to, days) {
  const starts = [];
  // Counted from a fixed day, so that ticks keep their dates as time advances.
  let offset = -(dayNumber(from) % days);
  for (; startOfDay(from, offset) <= to; offset += days) {
    if (startOfDay(from, offset) >= from) starts.push(startOfDay(from, offset));
  }
  return starts;
}

/** @param {number} from @param {number} to @param {number} step */
function clockTimes(from, to, step) {
  const times = [];
  for (let at = nextClockTime(from - 1, step); at <= to; at = nextClockTime(at, step)) times.push(at);
  return times;
}

/**
 * Returns the first time after `time` at which the time of day in the shown zone is a multiple of `step`.
 *
 * @param {number} time
 * @param {number} step
 */
function nextClockTime(time, step) {
  const before = offsetMs(time);
  const next = multipleAfter(time, step, before);
  const after = offsetMs(next);
  if (after === before) return next;
  // The clocks change before `next`, so use multiples of the time of day after the change.
  let changed = multipleAfter(time, step, after);
  while (offsetMs(changed) !== after) changed += step;
  // When the clocks go back, an hour repeats (02:00 in Europe). Its start is labelled once, unless the step
  // is no longer than the change.
  const isRepeated = changed + after === time + before;
  return isRepeated && step > Math.abs(after - before) ? changed + step : changed;
}

/** @param {number} time @param {number} step @param {number} offset */
const multipleAfter = (time, step, offset) => (Math.floor((time + offset) / step) + 1) * step - offset;
