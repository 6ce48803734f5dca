// The base of all charts: a drawing that fills the available width, axes, and a tooltip that
// follows the pointer or the arrow keys.

import { fill, h, svg } from "../dom.js";
import { nearestStop } from "./geometry.js";
import { selection } from "./selection.js";
import { timeTicks } from "./time-ticks.js";

const PIXELS_PER_TICK = 70;

/** Space between the drawing and the edge, in pixels. */
export const MARGIN = { top: 10, right: 8, bottom: 22, left: 52 };

/**
 * @import { Child } from "../../types/dom"
 * @import { Axis } from "./geometry.js"
 */

/**
 * A position of the tooltip in pixels, and its time. Without `y`, a line over the whole height marks it.
 *
 * @typedef {{ x: number, y?: number, at: number, lines: Child[], href?: string }} Stop
 */

/** @typedef {{ from: number, to: number }} TimeRange in milliseconds since 1970 */

/**
 * Creates a chart. `draw(width)` is called for every new width and returns the shapes, the time axis, and
 * the stops of the tooltip from left to right.
 *
 * @param {object} options
 * @param {string} options.label name for screen readers
 * @param {number} options.height
 * @param {(width: number) => { shapes: Child[], stops: Stop[], axis: Axis }} options.draw
 * @param {(range: TimeRange) => void} [options.selected] called with the time range of a selected part
 */
export function frame({ label, height, draw, selected }) {
  const drawing = svg("svg.drawing", { height, "aria-hidden": "true" });
  const element = chartElement(label, Boolean(selected));
  const tip = tooltip(element);
  /** @type {Axis} */
  let axis = { from: 0, to: 1, left: 0, right: 1 };
  const part = selected ? selection(element, () => axis, selected) : null;
  element.append(drawing, ...(part ? [part.band] : []), ...tip.elements);

  function redraw() {
    const width = element.clientWidth;
    if (!width) return;
    drawing.setAttribute("width", String(width));
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const drawn = draw(width);
    axis = drawn.axis;
    fill(drawing, drawn.shapes);
    tip.move(drawn.stops);
  }

  followPointer(element, tip, part);
  followKeys(element, tip, part);
  new ResizeObserver(redraw).observe(element);
  return { element, redraw };
}

/** @typedef {ReturnType<typeof tooltip>} Tooltip */
/** @typedef {ReturnType<typeof selection> | null} Part */

/** @param {string} label @param {boolean} selects */
function chartElement(label, selects) {
  const select = selects ? " Hold Shift to select a time range, then press Enter." : "";
  return h("div.chart", {
    tabindex: 0,
    role: "group",
    "aria-roledescription": "chart",
    "aria-label": `${label}. Use the arrow keys to read values.${select}`,
  });
}

/** The tooltip of a chart, and the mark at its position. @param {HTMLElement} element */
function tooltip(element) {
  const mark = h("div.mark", { hidden: true });
  const tip = h("div.tip", { role: "status", hidden: true });
  /** @type {Stop[]} */
  let stops = [];
  let current = -1;

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

  return {
    elements: [mark, tip],
    point,
    move(/** @type {Stop[]} */ next) {
      stops = next;
      if (current >= 0) point(Math.min(current, stops.length - 1));
    },
    pointAt: (/** @type {MouseEvent} */ { clientX, clientY }) => {
      const { left, top } = element.getBoundingClientRect();
      point(nearestStop(stops, clientX - left, clientY - top));
    },
    /**
     * Moves to the stop that a key leads to. Returns whether the key is one that moves.
     *
     * @param {string} key
     */
    pointBy(key) {
      const next = stopAfter(key, current, stops.length - 1);
      if (next !== null) point(next);
      return next !== null;
    },
    /** The current stop, if any. */
    stop: () => /** @type {Stop | undefined} */ (stops[current]),
  };
}

/** Opens what the current stop links to. @param {Tooltip} tip */
function open(tip) {
  const { href } = tip.stop() ?? {};
  if (href) location.hash = href;
}

/** @param {HTMLElement} element @param {Tooltip} tip @param {Part} part */
function followPointer(element, tip, part) {
  element.addEventListener("pointermove", tip.pointAt);
  element.addEventListener("pointerleave", () => {
    if (document.activeElement !== element) tip.point(-1);
  });
  element.addEventListener("click", (event) => {
    if (part?.wasDragged()) return;
    tip.pointAt(event);
    open(tip);
  });
}

/** @param {HTMLElement} element @param {Tooltip} tip @param {Part} part */
function followKeys(element, tip, part) {
  /** The time at which the selection began. @type {number | null} */
  let anchor = null;
  const end = () => {
    anchor = null;
    part?.clear();
  };
  element.addEventListener("blur", () => {
    end();
    tip.point(-1);
  });
  element.addEventListener("keydown", (event) => {
    const { key, shiftKey } = event;
    if (key === "Enter") {
      const other = tip.stop()?.at;
      if (part && anchor !== null && other !== undefined) part.finish(anchor, other);
      else open(tip);
      return end();
    }
    if (key === "Escape") {
      end();
      return tip.point(-1);
    }
    const before = tip.stop()?.at;
    if (!tip.pointBy(key)) return;
    event.preventDefault();
    if (!shiftKey) return end();
    const after = tip.stop()?.at;
    if (after === undefined) return;
    anchor ??= before ?? after;
    part?.show(anchor, after);
  });
}

/**
 * Returns the index of the stop that a key moves to; null for other keys.
 *
 * @param {string} key
 * @param {number} current -1 for none
 * @param {number} last
 */
function stopAfter(key, current, last) {
  if (key === "ArrowRight") return Math.min(current + 1, last);
  if (key === "ArrowLeft") return current < 0 ? last : Math.max(0, current - 1);
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
 * Draws horizontal grid lines, labelled with values at the left.
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
 * Draws labels for times along the bottom.
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
