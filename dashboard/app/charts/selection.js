// Selecting a part of a chart by dragging, or with Shift and the arrow keys.

import { h } from "../dom.js";
import { positionOf, rangeBetween, timeAt } from "./geometry.js";

/** Shorter movements are clicks, in pixels. */
const LEAST = 5;

/** @import { Axis } from "./geometry.js" */

/**
 * @typedef {object} Part a part of a chart, between two times in any order. Times, because the axis moves while
 *   the page is refreshed.
 * @property {(one: number, other: number) => void} show
 * @property {() => void} clear
 * @property {(one: number, other: number) => void} finish
 */

/**
 * Marks the selected part of a chart.
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
 * @returns {() => boolean} whether a click ends a drag, and means nothing else
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
    if (!wasDragged && Math.abs(xOf(event) - start.x) < LEAST) return;
    if (!wasDragged) element.setPointerCapture(event.pointerId);
    wasDragged = true;
    show(start.at, timeOf(event));
  });
  element.addEventListener("pointerup", (event) => {
    // Both times are the same if the pointer stayed beside the axis.
    if (start && wasDragged && start.at !== timeOf(event)) finish(start.at, timeOf(event));
    end();
  });
  for (const name of ["pointercancel", "lostpointercapture"]) element.addEventListener(name, end);
  return () => wasDragged;
}
