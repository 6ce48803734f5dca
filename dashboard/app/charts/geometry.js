// Positions and shapes of charts, as numbers and strings.

/**
 * A time axis: the times of its ends in milliseconds since 1970, their positions in pixels, and the width of
 * buckets, if the chart has some.
 *
 * @typedef {{ from: number, to: number, left: number, right: number, stepMs?: number }} Axis
 */

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * Returns the time at a position; outside the axis, that of the nearer end.
 *
 * @param {Axis} axis
 * @param {number} x
 */
export const timeAt = ({ from, to, left, right }, x) =>
  from + ((to - from) * (clamp(x, left, right) - left)) / (right - left);

/**
 * Returns the position of a time; outside the axis, that of the nearer end.
 *
 * @param {Axis} axis
 * @param {number} at
 */
export const positionOf = ({ from, to, left, right }, at) =>
  left + ((right - left) * (clamp(at, from, to) - from)) / (to - from);

/**
 * Returns the time range between two times in any order, as far as it is within the axis. If there are
 * buckets, it is extended to whole ones; otherwise it contains both times. Null if it is empty.
 *
 * @param {Axis} axis
 * @param {number} one
 * @param {number} other
 * @returns {{ from: number, to: number } | null}
 */
export function rangeBetween({ from, to, stepMs }, one, other) {
  const [start, end] = [Math.min(one, other), Math.max(one, other)].map((at) => clamp(at, from, to));
  const width = stepMs ?? 1;
  // A time within a thousandth of a bucket from an edge counts as the edge.
  const steps = (/** @type {number} */ at) => Math.round(((at - from) / width) * 1_000) / 1_000;
  const first = from + Math.floor(steps(start)) * width;
  // The end is not part of a range, so a range that contains a time ends after it.
  const last = from + (stepMs === undefined ? Math.floor(steps(end)) + 1 : Math.ceil(steps(end))) * width;
  const range = { from: Math.max(from, first), to: Math.min(to, last) };
  return range.from < range.to ? range : null;
}

/** A position in the drawing, in pixels; null for a gap. @typedef {[x: number, y: number] | null} Point */

/**
 * Returns the index of the stop nearest to a position; -1 if there are no stops. For stops without `y`, only
 * the horizontal distance counts.
 *
 * @param {{ x: number, y?: number }[]} stops @param {number} x @param {number} y
 */
export function nearestStop(stops, x, y) {
  let best = -1;
  let least = Infinity;
  for (const [index, stop] of stops.entries()) {
    const distance = Math.hypot(stop.x - x, stop.y === undefined ? 0 : stop.y - y);
    if (distance < least) {
      best = index;
      least = distance;
    }
  }
  return best;
}

/** The `d` attribute of an SVG path through the points, interrupted at gaps. @param {Point[]} points */
export const linePath = (points) =>
  points
    .map(
      (point, index) =>
        point && `${points[index - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`,
    )
    .filter(Boolean)
    .join("");

/**
 * Returns the points between two gaps. A line does not show them, because it has no length there.
 *
 * @param {Point[]} points
 */
export const isolatedPoints = (points) =>
  points.flatMap((point, index) => (point && !points[index - 1] && !points[index + 1] ? [point] : []));

/**
 * Returns powers of ten that enclose all values and are at least a factor of 100 apart.
 *
 * @param {number[]} values
 * @param {number} least replaces smaller values
 * @returns {[low: number, high: number]}
 */
export function powersAround(values, least) {
  const raised = values.map((value) => Math.max(least, value));
  const low = 10 ** Math.floor(Math.log10(Math.min(...raised, 10)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...raised, low * 100)));
  return [low, high];
}
