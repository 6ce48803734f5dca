// The waterfall: the spans of a trace as a tree, with bars on a common time line.

import { fill, h } from "../dom.js";
import { duration } from "../format.js";
import { roundTicks } from "../charts/scale.js";
import { spanDetails } from "./span-details.js";
import { chevron } from "../ui/icons.js";

/**
 * @import { LogRecord, Span, Trace } from "../../types/openapi"
 * @typedef {ReturnType<typeof makeRow>} Row
 * @typedef {{ totalMs: number, tones: Map<string, string>, logs: LogRecord[] }} BarContext
 */

const TONES = 6;
const TICKS = 5;
/** Depth from which spans are not indented further, so that their names stay readable. */
const MAX_INDENT = 12;

/** Assigns a color class to each service, in order of appearance. @param {string[]} services */
export const serviceTones = (services) =>
  new Map(services.map((service, index) => [service, `service-${index % TONES}`]));

/**
 * @param {Trace} trace
 * @param {Map<string, string>} tones
 * @param {string | null} selected id of the span to open
 * @param {(spanId: string | null) => void} select called with the id of the opened span, or null
 * @param {import("./span-details.js").FilterHrefs} hrefs
 */
export function waterfall(trace, tones, selected, select, hrefs) {
  const totalMs = Math.max(
    0.001,
    trace.durationMs ?? 0,
    ...trace.spans.map((span) => span.startOffsetMs + (span.durationMs ?? 0)),
  );
  const logsOf = Map.groupBy(trace.logs, ({ spanId }) => spanId);
  const rows = trace.spans.map((span, index) =>
    makeRow(span, hasChildren(trace.spans, index), { totalMs, tones, logs: logsOf.get(span.spanId) ?? [] }),
  );
  const list = h(
    "ol.spans",
    { "aria-label": "Spans" },
    rows.map(({ element }) => element),
  );
  for (const row of rows) {
    row.main.addEventListener("click", () => open(row));
    row.fold?.addEventListener("click", () => setFolded(row, !row.folded));
  }
  list.addEventListener("keydown", moveByKey);

  /** @param {Row} row */
  function open(row) {
    const isOpen = row.details.hidden;
    for (const other of rows) close(other);
    if (isOpen) {
      row.main.setAttribute("aria-expanded", "true");
      row.details.hidden = false;
      fill(row.details, spanDetails(row.span, trace, hrefs));
    }
    select(isOpen ? row.span.spanId : null);
  }

  /** @param {Row} row @param {boolean} folded */
  function setFolded(row, folded) {
    row.folded = folded;
    row.fold?.setAttribute("aria-expanded", String(!folded));
    let hiddenBelow = Infinity;
    for (const other of rows) {
      const { depth } = other.span;
      if (depth <= hiddenBelow) hiddenBelow = Infinity;
      other.element.hidden = depth > hiddenBelow;
      if (other.folded && hiddenBelow === Infinity) hiddenBelow = depth;
    }
  }

  /** @param {KeyboardEvent} event */
  function moveByKey(event) {
    const row = rows.find(({ main }) => main === document.activeElement);
    if (!row) return;
    const visible = rows.filter(({ element }) => !element.hidden);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) visible[visible.indexOf(row) + step]?.main.focus();
    else if (event.key === "ArrowLeft" && row.fold) setFolded(row, true);
    else if (event.key === "ArrowRight" && row.fold) setFolded(row, false);
    else return;
    event.preventDefault();
  }

  const first = rows.find(({ span }) => span.spanId === selected);
  if (first) open(first);
  return h("div.waterfall", {}, ruler(totalMs), list);
}

/** @param {Span[]} spans @param {number} index */
const hasChildren = (spans, index) => (spans[index + 1]?.depth ?? 0) > spans[index].depth;

/** @param {Row} row */
function close(row) {
  row.main.setAttribute("aria-expanded", "false");
  row.details.hidden = true;
}

/** @param {number} totalMs */
function ruler(totalMs) {
  const ticks = roundTicks(totalMs, TICKS).filter((tick) => tick <= totalMs * 0.94);
  return h(
    "div.ruler",
    { "aria-hidden": "true" },
    h(
      "div.ruler-line",
      {},
      ticks.map((tick) => h("span", { style: { left: share(tick, totalMs) } }, duration(tick))),
    ),
  );
}

/** @param {Span} span @param {boolean} isParent @param {BarContext} context */
function makeRow(span, isParent, context) {
  const fold = isParent
    ? h(
        "button.fold",
        { type: "button", "aria-expanded": "true", "aria-label": `Spans below ${span.name}` },
        chevron(),
      )
    : null;
  const main = h(
    "button.span-main",
    { type: "button", "aria-expanded": "false", class: span.isError ? "failed" : "" },
    h(
      "span.span-name",
      {},
      h("span.label", {}, span.name),
      span.service && h("span.span-service", {}, span.service),
      span.clockSkewMs != null && h("span.faint.small", {}, ` clock ${duration(span.clockSkewMs)} behind`),
    ),
    bar(span, context),
    h("span.bar-time", {}, duration(span.durationMs)),
  );
  const details = h("div.span-details", { hidden: true });
  const indent = { "--depth": Math.min(span.depth, MAX_INDENT) };
  const element = h("li.span", { style: indent }, h("div.span-line", {}, fold, main), details);
  return { span, element, main, fold, details, folded: false };
}

/** @param {Span} span @param {BarContext} context */
function bar(span, { totalMs, tones, logs }) {
  const from = share(span.startOffsetMs, totalMs);
  const marks = [...span.events.map(({ timestamp }) => timestamp), ...logs.map(({ timestamp }) => timestamp)];
  const offset = (/** @type {string} */ at) =>
    Date.parse(at) - Date.parse(span.startTime) + span.startOffsetMs;
  return h(
    "span.track",
    {},
    h("span.bar", {
      class: `${tones.get(span.service ?? "") ?? "service-0"}${span.isError ? " failed" : ""}`,
      style: { left: from, width: share(span.durationMs ?? 0, totalMs) },
    }),
    marks.map((at) => h("span.event-mark", { style: { left: share(offset(at), totalMs) } })),
  );
}

/** @param {number} part @param {number} whole */
const share = (part, whole) => `${Math.max(0, Math.min(100, (100 * part) / whole)).toFixed(3)}%`;
