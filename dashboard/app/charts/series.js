// A chart of values over time, as bars or lines.

import { h, svg } from "../dom.js";
import { day, timeRange } from "../format.js";
import { MARGIN, frame, timeAxis, valueAxis } from "./frame.js";
import { linePath, isolatedPoints } from "./geometry.js";
import { linear, roundTicks } from "./scale.js";

const TICKS = 3;
const DAY_MS = 86_400_000;
/** Axis of a chart that has no buckets. */
const EMPTY = { from: 0, to: 1, left: 0, right: 1, stepMs: 1 };

/** @typedef {{ startTime: string }} Timed */
/** @import { Point } from "./geometry.js" */
/** @import { Scale } from "./scale.js" */
/** @import { TimeRange } from "./frame.js" */

/**
 * @template {Timed} B a bucket
 * @typedef {object} Line
 * @property {string} name
 * @property {string} tone a class of charts.css
 * @property {(bucket: B) => number | null | undefined} value
 */

/** @typedef {{ x: Scale, y: Scale, stepMs: number }} Scales */

/**
 * Creates a chart of buckets. Bars of a later series are drawn in front of earlier ones.
 *
 * @template {Timed} B
 * @param {object} options
 * @param {string} options.label
 * @param {"bars" | "lines"} options.kind
 * @param {Line<B>[]} options.series
 * @param {(value: number) => string} options.format
 * @param {number} [options.height]
 * @param {(range: TimeRange) => void} [options.selected] called with the time range of a selected part
 */
export function seriesChart({ label, kind, series, format, height = 170, selected }) {
  /** @type {{ buckets: B[], stepMs: number }} */
  let data = { buckets: [], stepMs: 1 };
  const shape = kind === "bars" ? bars : lines;

  /** @param {number} width */
  function draw(width) {
    const { buckets, stepMs } = data;
    if (!buckets.length) return { shapes: [], stops: [], axis: EMPTY };
    const from = start(buckets[0]);
    const to = start(buckets[buckets.length - 1]) + stepMs;
    const axis = { from, to, left: MARGIN.left, right: width - MARGIN.right, stepMs };
    const x = linear([from, to], [axis.left, axis.right]);
    const ticks = roundTicks(largestValue(buckets, series), TICKS);
    const y = linear([0, ticks[ticks.length - 1]], [height - MARGIN.bottom, MARGIN.top]);
    const drawn = series.map((line) => shape(line, buckets, { x, y, stepMs }));
    const axes = [valueAxis(ticks, y, format, width), timeAxis(from, to, x, width, height)];
    return {
      axis,
      shapes: [axes, drawn],
      stops: buckets.map((bucket) => ({
        x: x(start(bucket) + stepMs / 2),
        at: start(bucket) + stepMs / 2,
        lines: tipLines(bucket, stepMs, series, format),
      })),
    };
  }

  const { element, redraw } = frame({ label, height, draw, selected });
  return {
    element: figure(label, legend(series), element),
    /** @param {{ buckets: B[], stepMs: number }} next */
    update(next) {
      data = next;
      redraw();
    },
  };
}

/** @param {string} label @param {import("../../types/dom").Child} note @param {HTMLElement} chart */
export const figure = (label, note, chart) =>
  h("figure.figure", {}, h("figcaption", {}, h("span.figure-title", {}, label), note), chart);

/** @param {Timed} bucket */
const start = (bucket) => Date.parse(bucket.startTime);

/** @template {Timed} B @param {B[]} buckets @param {Line<B>[]} series */
const largestValue = (buckets, series) =>
  Math.max(0, ...buckets.flatMap((bucket) => series.map(({ value }) => value(bucket) ?? 0)));

/** @param {{ name: string, tone: string }[]} series */
const legend = (series) =>
  series.length > 1 &&
  h(
    "span.legend",
    {},
    series.map(({ name, tone }) => h("span", {}, h("i", { class: tone }), name)),
  );

/** @template {Timed} B @param {Line<B>} line @param {B[]} buckets @param {Scales} scales */
function bars({ tone, value }, buckets, { x, y, stepMs }) {
  const width = x(stepMs) - x(0);
  const gap = width > 5 ? Math.min(3, width * 0.2) : 0;
  return buckets.map((bucket) => {
    const amount = value(bucket);
    if (!amount) return null;
    // A single error among thousands of requests must be visible.
    const height = Math.max(2, y(0) - y(amount));
    return svg("rect.bar", {
      class: tone,
      x: x(start(bucket)) + gap / 2,
      y: y(0) - height,
      width: Math.max(1, width - gap),
      height,
      rx: Math.min(2, width / 4),
    });
  });
}

/** @template {Timed} B @param {Line<B>} line @param {B[]} buckets @param {Scales} scales */
function lines({ tone, value }, buckets, { x, y, stepMs }) {
  /** @type {Point[]} */
  const points = buckets.map((bucket) => {
    const amount = value(bucket);
    return amount === null || amount === undefined ? null : [x(start(bucket) + stepMs / 2), y(amount)];
  });
  return [
    svg("path.line", { class: tone, d: linePath(points) }),
    isolatedPoints(points).map(([cx, cy]) => svg("circle.point", { class: tone, cx, cy, r: 2 })),
  ];
}

/**
 * @template {Timed} B
 * @param {B} bucket
 * @param {number} stepMs
 * @param {Line<B>[]} series
 * @param {(value: number) => string} format
 */
function tipLines(bucket, stepMs, series, format) {
  const from = start(bucket);
  const to = from + stepMs;
  const time = stepMs >= DAY_MS ? day(from) : timeRange(from, to);
  return [
    h("div.tip-title", {}, time),
    series.map(({ name, tone, value }) => {
      const amount = value(bucket);
      return h(
        "div.tip-row",
        {},
        h("i", { class: tone }),
        h("span", {}, name),
        h("b", {}, amount === null || amount === undefined ? "–" : format(amount)),
      );
    }),
  ];
}

/**
 * Draws a small bar chart for lists, without axes.
 *
 * @param {number[]} values
 * @param {{ width?: number, height?: number }} [size]
 */
export function sparkline(values, { width = 120, height = 28 } = {}) {
  const max = Math.max(1, ...values);
  const step = width / Math.max(1, values.length);
  const rects = values.map((value, index) => {
    const tall = value ? Math.max(2, (value / max) * height) : 1;
    return svg("rect", {
      class: value ? "some" : "none",
      x: index * step,
      y: height - tall,
      width: Math.max(1, step - 2),
      height: tall,
      rx: 1,
    });
  });
  return svg("svg.spark", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, rects);
}
