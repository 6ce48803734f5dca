// Selecting a part of a chart by dragging, or with Shift and the arrow keys.

import { h } from "../dom.js";

/** Shorter movements are clicks, in pixels. */
const LEAST = 5;

/**
 * @typedef {object} Part a part of an element, as positions in pixels
 * @property {(from: number, to: number) => void} show
 * @property {() => void} clear
 * @property {(from: number, to: number) => void} finish
 */

/**
 * Marks the selected part of an element.
 *
 * @param {HTMLElement} element
 * @param {(from: number, to: number) => void} selected called with the ends in pixels, from left to right
 */
export function selection(element, selected) {
  const band = h("div.band", { hidden: true });
  /** @type {Part} */
  const part = {
    show(from, to) {
      band.hidden = false;
      band.style.transform = `translateX(${Math.min(from, to)}px)`;
      band.style.width = `${Math.abs(to - from)}px`;
    },
    clear() {
      band.hidden = true;
    },
    finish(from, to) {
      band.hidden = true;
      selected(Math.min(from, to), Math.max(from, to));
    },
  };
  return { ...part, band, wasDragged: followDrag(element, part) };
}

/**
 * Shows the part over which the pointer is dragged.
 *
 * @param {HTMLElement} element
 * @param {Part} part
 * @returns {() => boolean} whether a click ends a drag, and means nothing else
 */
function followDrag(element, { show, clear, finish }) {
  /** @type {number | null} */
  let start = null;
  let wasDragged = false;
  const xOf = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  element.addEventListener("pointerdown", (event) => {
    wasDragged = false;
    if (event.button === 0) start = xOf(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (start === null || (!wasDragged && Math.abs(xOf(event) - start) < LEAST)) return;
    if (!wasDragged) element.setPointerCapture(event.pointerId);
    wasDragged = true;
    show(start, xOf(event));
  });
  element.addEventListener("pointerup", (event) => {
    if (start !== null && wasDragged) finish(start, xOf(event));
    start = null;
  });
  for (const end of ["pointercancel", "lostpointercapture"]) {
    element.addEventListener(end, () => {
      start = null;
      clear();
    });
  }
  return () => wasDragged;
}
