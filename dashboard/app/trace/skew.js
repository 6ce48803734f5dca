// Spans that are outside of the time of their parents.

/**
 * @import { SpanNode } from "./tree.js"
 * @typedef {"corrected" | "before" | "after" | "beyond"} SkewKind
 * @typedef {{ kind: SkewKind, ms: number }} Skew
 */

/** Differences up to this are how exact clocks are, in milliseconds. */
const EXACT_MS = 1;

/**
 * How a span is outside of its parent; null if it is within. `corrected`: it was sent with a start before its
 * parent, and is shown later by `ms`. `before`: it starts before its parent. `after`: it starts
 * after its parent's end, and `beyond`: it ends after it, as work does that nobody waits for.
 *
 * @param {SpanNode} node
 * @returns {Skew | null}
 */
export function skewOf({ span, parent, start, end }) {
  if (!span) return null;
  if (span.clockSkewMs != null) return { kind: "corrected", ms: span.clockSkewMs };
  if (!parent?.span || parent.span.durationMs == null) return null;
  if (parent.start - start > EXACT_MS) return { kind: "before", ms: parent.start - start };
  if (start - parent.end > EXACT_MS) return { kind: "after", ms: start - parent.end };
  if (end - parent.end > EXACT_MS) return { kind: "beyond", ms: end - parent.end };
  return null;
}

/** Mark of a row. @type {Record<SkewKind, string>} */
export const SKEW_MARKS = {
  corrected: "clock skew",
  before: "before its parent",
  after: "after its parent",
  beyond: "outlives its parent",
};

/**
 * A sentence about a span outside of its parent.
 *
 * @param {Skew} skew
 * @param {(ms: number) => string} duration formats a duration
 */
export function skewText({ kind, ms }, duration) {
  switch (kind) {
    case "corrected":
      return `The clock of this service was ${duration(ms)} behind its caller's: the span was sent with a start before its parent. It is shown ${duration(ms)} later.`;
    case "before":
      return `Starts ${duration(ms)} before its parent: their clocks differ.`;
    case "after":
      return `Starts ${duration(ms)} after its parent's end: the parent did not wait for it, or their clocks differ.`;
    default:
      return `Ends ${duration(ms)} after its parent: the parent did not wait for it, or their clocks differ.`;
  }
}
