// A small picture of a whole trace: few shapes, however many spans there are.

/**
 * @import { Tree } from "./tree.js"
 * @typedef {{ lane: number, from: number, to: number }} Bar columns from the left; `to` is after the last
 */

/**
 * Bars of each color. Each lane is an equal part of the spans, in the order of the rows; in each column of a lane, a
 * failed span hides others, and a later one those before it.
 *
 * @param {Tree} tree
 * @param {(service: string | null | undefined) => string} toneOf
 * @param {number} columns
 * @param {number} lanes
 * @returns {Map<string, Bar[]>} by color; failed spans are "failed"
 */
export function minimap({ nodes, totalMs }, toneOf, columns, lanes) {
  const spans = nodes.filter(({ span }) => span);
  const perLane = Math.max(1, spans.length / lanes);
  const cells = Array.from({ length: lanes }, () => /** @type {string[]} */ (new Array(columns).fill("")));
  spans.forEach(({ span, start, end }, index) => {
    const lane = cells[Math.min(lanes - 1, Math.floor(index / perLane))];
    const tone = span?.isError ? "failed" : toneOf(span?.service);
    const first = Math.max(0, Math.min(columns - 1, Math.floor((columns * start) / totalMs)));
    const last = Math.max(first + 1, Math.min(columns, Math.ceil((columns * end) / totalMs)));
    for (let column = first; column < last; column += 1) if (lane[column] !== "failed") lane[column] = tone;
  });
  return joined(cells);
}

/** Joins adjacent columns of one color. @param {string[][]} cells */
function joined(cells) {
  /** @type {Map<string, Bar[]>} */
  const bars = new Map();
  cells.forEach((tones, lane) => {
    for (let from = 0, to = 0; from < tones.length; from = to) {
      to = from + 1;
      while (to < tones.length && tones[to] === tones[from]) to += 1;
      if (!tones[from]) continue;
      const known = bars.get(tones[from]);
      if (known) known.push({ lane, from, to });
      else bars.set(tones[from], [{ lane, from, to }]);
    }
  });
  return bars;
}

/** The bars as a path of SVG. @param {Bar[]} bars @param {number} height of a bar @param {number} pitch of the lanes */
export const pathOf = (bars, height, pitch) =>
  bars.map(({ lane, from, to }) => `M${from} ${lane * pitch}h${to - from}v${height}h${from - to}z`).join("");
