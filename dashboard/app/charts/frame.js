// The base of all charts: a drawing that fills the available width, axes, and a tooltip that
// follows the pointer or the arrow keys.

import { fill, h, svg } from "../dom.js";
import { nearestStop } from "./geometry.js";
import { timeTicks } from "./time-ticks.js";

const PIXELS_PER_TICK = 70;

/** Space between the drawing and the edge, in pixels. */
export const MARGIN = { top: 10, right: 8, bottom: 22, left: 52 };

/** @import { Child } from "../../types/dom" */

/**
 * A position of the tooltip, in pixels. Without `y` it is marked by a line over the whole height.
 *
 * @typedef {{ x: number, y?: number, lines: Child[], href?: string }} Stop
 */

/**
 * Creates a chart. `draw(width)` is called for every new width and returns the shapes, and the
 * stops of the tooltip from left to right.
 *
 * @param {object} options
 * @param {string} options.label name for screen readers
 * @param {number} options.height
 * @param {(width: number) => { shapes: Child[], stops: Stop[] }} options.draw
 */
export function frame({ label, height, draw }) {
  const drawing = svg("svg.drawing", { height, "aria-hidden": "true" });
  const mark = h("div.mark", { hidden: true });
  const tip = h("div.tip", { role: "status", hidden: true });
  const element = h(
    "div.chart",
    {
      tabindex: 0,
      role: "group",
      "aria-roledescription": "chart",
      "aria-label": `${label}. Use the arrow keys to read values.`,
    },
    drawing,
    mark,
    tip,
  );
  /** @type {Stop[]} */
  let stops = [];
  let current = -1;

  function redraw() {
    const width = element.clientWidth;
    if (!width) return;
    drawing.setAttribute("width", String(width));
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const drawn = draw(width);
    stops = drawn.stops;
    fill(drawing, drawn.shapes);
    if (current >= 0) point(Math.min(current, stops.length - 1));
  }

  /** @param {number} index */
  function point(index) {
    current = index;
    const stop = stops[index];
    tip.hidden = mark.hidden = !stop;
    if (!stop) return;
    fill(tip, stop.lines);
    mark.classList.toggle("dot", stop.y !== undefined);
    mark.style.transform = `translate(${stop.x}px, ${stop.y ?? 0}px)`;
    placeTip(tip, stop, element.clientWidth);
  }

  const open = () => {
    const { href } = stops[current] ?? {};
    if (href) location.hash = href;
  };
  /** @param {MouseEvent} event */
  const nearest = (event) => {
    const box = element.getBoundingClientRect();
    return nearestStop(stops, event.clientX - box.left, event.clientY - box.top);
  };
  element.addEventListener("pointermove", (event) => point(nearest(event)));
  element.addEventListener("pointerleave", () => {
    if (document.activeElement !== element) point(-1);
  });
  element.addEventListener("click", (event) => {
    point(nearest(event));
    open();
  });
  element.addEventListener("blur", () => point(-1));
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open();
    if (event.key === "Escape") point(-1);
    const next = stopAfter(event.key, current, stops.length - 1);
    if (next === null) return;
    event.preventDefault();
    point(Math.max(0, Math.min(next, stops.length - 1)));
  });
  new ResizeObserver(redraw).observe(element);
  return { element, redraw };
}

/**
 * Index of the stop that a key moves to; null for other keys.
 *
 * @param {string} key
 * @param {number} current -1 for none
 * @param {number} last
 */
function stopAfter(key, current, last) {
  if (key === "ArrowRight") return current + 1;
  if (key === "ArrowLeft") return current < 0 ? last : current - 1;
  if (key === "Home") return 0;
  return key === "End" ? last : null;
}

/**
 * Places the tooltip beside the mark, on the side with more space.
 *
 * @param {HTMLElement} tip
 * @param {Stop} stop
 * @param {number} width
 */
function placeTip(tip, stop, width) {
  const left = stop.x > width / 2 ? stop.x - tip.offsetWidth - 12 : stop.x + 12;
  const top = Math.max(0, (stop.y ?? 24) - 16);
  tip.style.transform = `translate(${Math.max(0, Math.min(left, width - tip.offsetWidth))}px, ${top}px)`;
}

/**
 * Horizontal grid lines, labelled with values at the left.
 *
 * @param {number[]} ticks @param {(value: number) => number} y
 * @param {(value: number) => string} format @param {number} width
 */
export const valueAxis = (ticks, y, format, width) =>
  ticks.map((tick) => [
    svg("line.grid", { x1: MARGIN.left, x2: width - MARGIN.right, y1: round(y(tick)), y2: round(y(tick)) }),
    svg("text.tick", { x: MARGIN.left - 8, y: y(tick), dy: "0.32em", "text-anchor": "end" }, format(tick)),
  ]);

/**
 * Labels for times along the bottom.
 *
 * @param {number} from
 * @param {number} to
 * @param {(at: number) => number} x
 * @param {number} width
 * @param {number} height
 */
export function timeAxis(from, to, x, width, height) {
  const wanted = Math.max(2, Math.floor((width - MARGIN.left) / PIXELS_PER_TICK));
  return timeTicks(from, to, wanted)
    .filter(({ at }) => x(at) >= MARGIN.left + 12 && x(at) <= width - MARGIN.right - 12)
    .map(({ at, label }) => svg("text.tick", { x: x(at), y: height - 5, "text-anchor": "middle" }, label));
}

/** Rounds to the center of a pixel, so that thin lines are sharp. @param {number} value */
export const round = (value) => Math.round(value) + 0.5;
