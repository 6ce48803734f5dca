// The part of a trace's time that is shown, in milliseconds since the start of the trace.

import { roundTicks } from "../charts/scale.js";
import { duration } from "../format.js";

/** @typedef {{ from: number, to: number }} Zoom */

/** Shortest part: a microsecond, or a millionth of the trace. @param {number} totalMs */
const shortest = (totalMs) => Math.max(0.001, totalMs / 1e6);

/** The whole trace. @param {number} totalMs @returns {Zoom} */
export const whole = (totalMs) => ({ from: 0, to: totalMs });

/** Whether the whole trace is shown. @param {Zoom} zoom @param {number} totalMs */
export const isWhole = ({ from, to }, totalMs) => from <= 0 && to >= totalMs;

/**
 * A part between two times in any order, moved into the trace.
 *
 * @param {number} one
 * @param {number} other
 * @param {number} totalMs
 * @returns {Zoom}
 */
export function part(one, other, totalMs) {
  const length = Math.min(totalMs, Math.max(Math.abs(other - one), shortest(totalMs)));
  const from = Math.max(0, Math.min(Math.min(one, other), totalMs - length));
  return { from, to: from + length };
}

/**
 * A part that is longer or shorter by a factor, around its middle or another time.
 *
 * @param {Zoom} zoom
 * @param {number} factor below 1 shows less time
 * @param {number} totalMs
 * @param {number} [around]
 */
export function scaled({ from, to }, factor, totalMs, around = (from + to) / 2) {
  const start = around - (around - from) * factor;
  return part(start, start + (to - from) * factor, totalMs);
}

/** The part moved by a share of its length. @param {Zoom} zoom @param {number} share @param {number} totalMs */
export function moved({ from, to }, share, totalMs) {
  const length = to - from;
  const start = Math.max(0, Math.min(from + share * length, totalMs - length));
  return { from: start, to: start + length };
}

/**
 * The part, moved or made longer if a span between two times would be invisible.
 *
 * @param {Zoom} zoom
 * @param {number} start
 * @param {number} end
 * @param {number} totalMs
 */
export function including(zoom, start, end, totalMs) {
  if (end >= zoom.from && start <= zoom.to) return zoom;
  const length = Math.max(zoom.to - zoom.from, end - start);
  const middle = (start + end) / 2;
  return moved({ from: middle - length / 2, to: middle + length / 2 }, 0, totalMs);
}

/** Where a time is, as a share of the width; below 0 and above 1 outside of the part. @param {Zoom} zoom @param {number} at */
export const shareOf = ({ from, to }, at) => (at - from) / (to - from);

/** The part in an address: `120-450.5`; null for the whole trace. @param {Zoom} zoom @param {number} totalMs */
export const toAddress = (zoom, totalMs) =>
  isWhole(zoom, totalMs) ? null : `${rounded(zoom.from)}-${rounded(zoom.to)}`;

/** To the microsecond. @param {number} ms */
const rounded = (ms) => Number(ms.toFixed(3));

/** The part of an address, or the whole trace. @param {string | null} text @param {number} totalMs @returns {Zoom} */
export function fromAddress(text, totalMs) {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text ?? "");
  const [from, to] = match ? [Number(match[1]), Number(match[2])] : [0, 0];
  return from < to && from < totalMs ? part(from, Math.min(to, totalMs), totalMs) : whole(totalMs);
}

/**
 * About as many round times as wanted, with labels that differ.
 *
 * @param {Zoom} zoom
 * @param {number} wanted
 */
export function ticksOf({ from, to }, wanted) {
  const [, step] = roundTicks(to - from, wanted);
  /** @type {number[]} */
  const times = [];
  // Counted, because adding small steps to a large time may not change it.
  const first = Math.ceil(from / step - 1e-9);
  for (let count = 0; count <= 2 * wanted && (first + count) * step <= to; count += 1)
    times.push((first + count) * step);
  const labels = times.map(duration);
  const isClear = new Set(labels).size === labels.length;
  const decimals = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step))));
  return times.map((at, index) => ({ at, label: isClear ? labels[index] : `${at.toFixed(decimals)} ms` }));
}
