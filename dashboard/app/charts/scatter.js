// A chart with a dot for each trace: start time and duration.

import { h, svg } from "../dom.js";
import { clock, duration } from "../format.js";
import { MARGIN, frame, timeAxis, valueAxis } from "./frame.js";
import { powersAround } from "./geometry.js";
import { figure } from "./series.js";
import { linear, logarithmic, powerTicks } from "./scale.js";

const HEIGHT = 170;
/** Shorter durations are drawn at this value, in milliseconds. */
const FLOOR_MS = 0.1;

/**
 * @typedef {object} Dot
 * @property {number} at
 * @property {number} ms
 * @property {boolean} isError
 * @property {string} name
 * @property {string} href
 */

/**
 * @param {string} label
 * @param {(range: import("./frame.js").TimeRange) => void} selected called with the time range of a selected part
 */
export function scatterChart(label, selected) {
  const note = h("span.legend");
  let data = { dots: /** @type {Dot[]} */ ([]), from: 0, to: 1 };

  /** @param {number} width */
  function draw(width) {
    const { dots, from, to } = data;
    const axis = { from, to, left: MARGIN.left, right: width - MARGIN.right - 4 };
    const x = linear([from, to], [axis.left, axis.right]);
    const durations = dots.map(({ ms }) => ms);
    const [low, high] = powersAround(durations, FLOOR_MS);
    const y = logarithmic([low, high], [HEIGHT - MARGIN.bottom - 2, MARGIN.top + 2]);
    const shown = dots
      .map((dot) => ({ ...dot, x: x(dot.at), y: y(Math.max(low, dot.ms)) }))
      .sort((a, b) => a.x - b.x);
    const axes = [valueAxis(powerTicks(low, high), y, duration, width), timeAxis(from, to, x, width, HEIGHT)];
    return {
      axis,
      shapes: [axes, circlesOf(shown)],
      stops: shown.map((dot) => ({ x: dot.x, y: dot.y, at: dot.at, href: dot.href, lines: tipLines(dot) })),
    };
  }

  const { element, redraw } = frame({
    label: `${label} of each trace, Enter opens one`,
    height: HEIGHT,
    draw,
    selected,
  });
  element.classList.add("opens");
  return {
    element: figure(label, note, element),
    /** @param {{ dots: Dot[], from: number, to: number, note: string }} next */
    update(next) {
      data = next;
      note.textContent = next.note;
      redraw();
    },
  };
}

/** Errors are drawn last, on top of other dots. @param {{ x: number, y: number, isError: boolean }[]} dots */
const circlesOf = (dots) =>
  dots
    .toSorted((a, b) => Number(a.isError) - Number(b.isError))
    .map(({ x, y, isError }) =>
      svg("circle.trace-dot", { class: isError ? "error" : "", cx: x, cy: y, r: 3.5 }),
    );

/** @param {Dot} dot */
const tipLines = ({ name, ms, isError, at }) => [
  h("div.tip-title", {}, name),
  h(
    "div.tip-row",
    {},
    h("span", {}, clock(at)),
    h("b", { class: isError ? "error-text" : "" }, isError ? `${duration(ms)}, failed` : duration(ms)),
  ),
];
