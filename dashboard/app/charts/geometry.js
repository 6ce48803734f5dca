// Places and shapes of charts, as numbers and texts.

/** A place in the drawing, in pixels; null for a gap. @typedef {[x: number, y: number] | null} Point */

/**
 * The index of the stop next to a place; -1 if there is none. Stops without a height
 * take up all of theirs.
 *
 * @param {{ x: number, y?: number }[]} stops @param {number} x @param {number} y
 */
export function nearestStop(stops, x, y) {
  let [best, least] = [-1, Infinity];
  for (const [index, stop] of stops.entries()) {
    const distance = Math.hypot(stop.x - x, stop.y === undefined ? 0 : stop.y - y);
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

/** The `d` of an SVG path through the points, broken at gaps. @param {Point[]} points */
export const linePath = (points) =>
  points
    .map(
      (point, index) =>
        point && `${points[index - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`,
    )
    .filter(Boolean)
    .join("");

/** The points between two gaps: a line through one of them would have no length. @param {Point[]} points */
export const lonePoints = (points) =>
  points.flatMap((point, index) => (point && !points[index - 1] && !points[index + 1] ? [point] : []));

/**
 * Whole powers of ten around all values, at least two of them apart.
 *
 * @param {number[]} values
 * @param {number} least lesser values count as this one
 * @returns {[low: number, high: number]}
 */
export function powersAround(values, least) {
  const raised = values.map((value) => Math.max(least, value));
  const low = 10 ** Math.floor(Math.log10(Math.min(...raised, 10)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...raised, low * 100)));
  return [low, high];
}
