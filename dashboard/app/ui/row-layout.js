// Where the rows of a long list are, and which of them are near the visible part.

/**
 * @typedef {object} RowLayout positions in pixels from the top of the list
 * @property {number} height of the list
 * @property {(index: number) => number} topOf
 * @property {(from: number, to: number, beyond: number) => { first: number, last: number }} between the rows between
 *   two positions, and as many beyond them; `last` is after the last row
 */

/**
 * The layout of rows of one height, some of which are higher.
 *
 * @param {number} count
 * @param {number} rowHeight
 * @param {[index: number, more: number][]} higher rows that are higher and by how much, in any order
 * @returns {RowLayout}
 */
export function rowLayout(count, rowHeight, higher) {
  const sorted = higher.toSorted(([a], [b]) => a - b);
  const topOf = (/** @type {number} */ index) => {
    let top = index * rowHeight;
    for (const [at, more] of sorted) {
      if (at >= index) break;
      top += more;
    }
    return top;
  };
  /** The row at a position. @param {number} y */
  const indexAt = (y) => {
    let above = 0;
    for (const [at, more] of sorted) {
      const bottom = (at + 1) * rowHeight + above + more;
      if (y < (at + 1) * rowHeight + above) break;
      if (y < bottom) return at;
      above += more;
    }
    return Math.floor((y - above) / rowHeight);
  };
  const within = (/** @type {number} */ index) => Math.max(0, Math.min(count, index));
  return {
    height: topOf(count),
    topOf,
    between: (from, to, beyond) => ({
      first: within(indexAt(from) - beyond),
      last: within(indexAt(to) + 1 + beyond),
    }),
  };
}
