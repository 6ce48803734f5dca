// Positions and shapes of charts, as numbers and strings.

/**
 * The time range between two positions, within the axis. Extended to whole buckets if they have a width.
 *
 * @param {{ from: number, to: number, left: number, right: number, stepMs?: number }} axis times of its ends, and their positions
 * @param {number} start position, left of `end`
 * @param {number} end
 */
export function timesBetween({ from, to, left, right, stepMs = 1 }, start, end) {
  const timeAt = (/** @type {number} */ x) => from + ((to - from) * (x - left)) / (right - left);
  // A position within a thousandth of a bucket is its edge.
  const steps = (/** @type {number} */ x) => Math.round(((timeAt(x) - from) / stepMs) * 1_000) / 1_000;
  return {
    from: Math.max(from, from + Math.floor(steps(start)) * stepMs),
    to: Math.min(to, from + Math.ceil(steps(end)) * stepMs),
  };
}

/** A position in the drawing, in pixels; null for a gap. @typedef {[x: number, y: number] | null} Point */

/**
 * Index of the stop nearest to a position; -1 if there are no stops. For stops without `y`, only
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

/** Points between two gaps, which a line does not show because it has no length there. @param {Point[]} points */
export const isolatedPoints = (points) =>
  points.flatMap((point, index) => (point && !points[index - 1] && !points[index + 1] ? [point] : []));

/**
 * The powers of ten that enclose all values, at least a factor of 100 apart.
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
