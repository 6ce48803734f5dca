// What the keys mean on a row of the waterfall.

import { moved, scaled, whole } from "../trace/zoom.js";

/**
 * @import { Zoom } from "../trace/zoom.js"
 * @typedef {{ kind: "scale", factor: number } | { kind: "move", share: number } | { kind: "all" }} ZoomAction
 * @typedef {{ kind: "toggle" } | { kind: "fold", isFolded: boolean } | { kind: "go", index: number }
 *   | { kind: "owner" } | ZoomAction} KeyAction `go` to another row, or to the `owner`: the span above
 * @typedef {{ index: number, isFoldable: boolean, isFolded: boolean }} KeyState of the row with the focus
 */

/** Rows that PageUp and PageDown move by. */
const PAGE = 10;

/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE };

/** @type {Record<string, KeyAction>} */
const ACTIONS = {
  Enter: { kind: "toggle" },
  " ": { kind: "toggle" },
  Home: { kind: "go", index: 0 },
  End: { kind: "go", index: Infinity },
  "+": { kind: "scale", factor: 0.5 },
  "=": { kind: "scale", factor: 0.5 },
  "-": { kind: "scale", factor: 2 },
  "[": { kind: "move", share: -0.25 },
  "]": { kind: "move", share: 0.25 },
  0: { kind: "all" },
};

/** What a key means; null for others. @param {string} key @param {KeyState} state @returns {KeyAction | null} */
export function actionOf(key, { index, isFoldable, isFolded }) {
  if (Object.hasOwn(STEPS, key)) return { kind: "go", index: Math.max(0, index + STEPS[key]) };
  if (Object.hasOwn(ACTIONS, key)) return ACTIONS[key];
  if (key === "ArrowLeft")
    return isFoldable && !isFolded ? { kind: "fold", isFolded: true } : { kind: "owner" };
  return key === "ArrowRight" && isFoldable && isFolded ? { kind: "fold", isFolded: false } : null;
}

/**
 * The time that is shown after a key.
 *
 * @param {ZoomAction} action
 * @param {Zoom} zoom
 * @param {number} totalMs
 * @param {number} [around]
 */
export function zoomBy(action, zoom, totalMs, around) {
  if (action.kind === "scale") return scaled(zoom, action.factor, totalMs, around);
  return action.kind === "move" ? moved(zoom, action.share, totalMs) : whole(totalMs);
}
