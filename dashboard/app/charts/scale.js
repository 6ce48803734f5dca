// Maps values to positions, and chooses round values for grid lines.

/** @typedef {(value: number) => number} Scale from a value to a position in pixels */

/** @param {[number, number]} domain @param {[number, number]} range @returns {Scale} */
export function linear([low, high], [start, end]) {
  const factor = high === low ? 0 : (end - start) / (high - low);
  return (value) => start + (value - low) * factor;
}

/**
 * Returns a logarithmic scale. Values outside the domain are moved to its ends.
 *
 * @param {[number, number]} domain
 * @param {[number, number]} range
 * @returns {Scale}
 */
export function logarithmic([low, high], range) {
  const place = linear([Math.log(low), Math.log(high)], range);
  return (value) => place(Math.log(Math.min(high, Math.max(low, value))));
}

/**
 * Returns about `wanted` round values from 0 to at least `max`.
 *
 * @param {number} max
 * @param {number} wanted
 */
export function roundTicks(max, wanted) {
  const top = Number.isFinite(max) && max > 0 ? max : 1;
  const rough = top / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough;
  const count = Math.max(1, Math.ceil(top / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** Returns the powers of ten between two values, both included. @param {number} low @param {number} high */
export function powerTicks(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}
