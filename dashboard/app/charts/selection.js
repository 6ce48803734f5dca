// Selects a part of a chart by dragging. frame.js uses the returned functions for selection with the
// keyboard.

import { h } from "../dom.js";
import { positionOf, rangeBetween, timeAt } from "./geometry.js";

/** Movements of fewer pixels count as clicks. */
const SHORTEST_DRAG = 5;

/** @import { Axis } from "./geometry.js" */

/**
 * Controls the marked part of a chart. Its ends are times in any order, not positions, because the axis moves
 * when the page refreshes.
 *
 * @typedef {object} Part
 * @property {(one: number, other: number) => void} show
 * @property {() => void} clear
 * @property {(one: number, other: number) => void} finish
 */

/**
 * Lets the user select a part of a chart by dragging. Returns the band that marks the part, functions to
 * control it, and whether the last press was a drag.
 *
 * @param {HTMLElement} element
 * @param {() => Axis} axisOf the current axis
 * @param {(range: { from: number, to: number }) => void} selected called with a range that is not empty
 */
export function selection(element, axisOf, selected) {
  const band = h("div.band", { hidden: true });
  /** @type {Part} */
  const part = {
    show(one, other) {
      const [left, right] = [one, other].map((at) => positionOf(axisOf(), at)).sort((a, b) => a - b);
      band.hidden = false;
      band.style.transform = `translateX(${left}px)`;
      band.style.width = `${right - left}px`;
    },
    clear() {
      band.hidden = true;
    },
    finish(one, other) {
      band.hidden = true;
      const range = rangeBetween(axisOf(), one, other);
      if (range) selected(range);
    },
  };
  return { ...part, band, wasDragged: followDrag(element, axisOf, part) };
}

/**
 * Shows the part over which the pointer is dragged.
 *
 * @param {HTMLElement} element
 * @param {() => Axis} axisOf
 * @param {Part} part
 * @returns {() => boolean} whether the click that follows belongs to a drag and must be ignored
 */
function followDrag(element, axisOf, { show, clear, finish }) {
  /** Where the pointer was pressed. @type {{ x: number, at: number } | null} */
  let start = null;
  let wasDragged = false;
  const xOf = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  const timeOf = (/** @type {MouseEvent} */ event) => timeAt(axisOf(), xOf(event));
  const end = () => {
    start = null;
    clear();
  };
  element.addEventListener("pointerdown", (event) => {
    wasDragged = false;
    if (event.button === 0) start = { x: xOf(event), at: timeOf(event) };
  });
  element.addEventListener("pointermove", (event) => {
    if (!start) return;
    // The button was released elsewhere, before the element had captured the pointer.
    if (event.buttons === 0) return end();
    if (!wasDragged && Math.abs(xOf(event) - start.x) < SHORTEST_DRAG) return;
    if (!wasDragged) element.setPointerCapture(event.pointerId);
    wasDragged = true;
    show(start.at, timeOf(event));
  });
  element.addEventListener("pointerup", (event) => {
    // Both times are equal if the pointer never entered the range of the axis.
    if (start && wasDragged && start.at !== timeOf(event)) finish(start.at, timeOf(event));
    end();
  });
  for (const name of ["pointercancel", "lostpointercapture"]) element.addEventListener(name, end);
  return () => wasDragged;
}
