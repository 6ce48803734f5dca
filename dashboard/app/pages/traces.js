// The traces of an application, newest first.

import * as api from "../api.js";
import { h } from "../dom.js";
import { filtersOf } from "../filters.js";
import { clockMs, count, duration, otherDay, plural } from "../format.js";
import { boundsOf } from "../timespan.js";
import { scatterChart } from "../charts/scatter.js";
import { lateLink } from "../ui/bits.js";
import { choice } from "../ui/toolbar.js";
import { differencesHref, traceHref } from "./addresses.js";
import { durationOptions, minOf } from "./durations.js";
import { fieldFilters, textSearch } from "./list-controls.js";
import { liveList } from "./live-list.js";

/**
 * @import { TraceRow, Traces } from "../../types/openapi"
 * @import { Dot } from "../charts/scatter.js"
 * @import { Range } from "../timespan.js"
 */

/** @type {[string, string][]} */
const STATUSES = [
  ["", "Any status"],
  ["ok", "OK"],
  ["error", "Failed"],
  ["2xx", "2xx"],
  ["3xx", "3xx"],
  ["4xx", "4xx"],
  ["5xx", "5xx"],
];

/** @param {string} min @returns {[string, string][]} */
const durationsFor = (min) => [["", "Any duration"], ...durationOptions(min, (text) => text)];

/** @type {import("../main.js").Page} */
export function tracesPage(outlet, visit, application) {
  const { query, signal } = visit;
  const filters = {
    q: query.get("q") ?? "",
    status: query.get("status") ?? "",
    min: minOf(query),
    ...filtersOf(query),
  };
  const chart = scatterChart("Duration", (range) => list.choose(range));
  const differences = differencesLink(application.id, filters);
  const list = liveList(outlet, visit, application, {
    title: "Traces",
    what: "trace",
    filters,
    controls(change, times) {
      const changed = (/** @type {Partial<typeof filters>} */ choices) => {
        change(choices);
        differences.update();
      };
      return [
        textSearch(application.id, "Name, service or trace id", filters.q, changed),
        choice("Status", STATUSES, filters.status, (status) => changed({ status })),
        choice("Duration", durationsFor(filters.min), filters.min, (min) => changed({ min })),
        fieldFilters({ applicationId: application.id, of: "traces", filters, changed, times, signal }),
      ];
    },
    page(question) {
      const { min, ...others } = filters;
      return api.traces({ ...question, ...others, minDurationMs: Number(min) || null }, signal);
    },
    rowsOf: (/** @type {Traces} */ { traces }) => traces,
    keyOf: ({ traceId }) => traceId,
    timeOf: ({ startTime }) => Date.parse(startTime),
    row: (trace) => row(application.id, trace),
    list: h("ol.rows", { "aria-label": "Traces" }),
    beside: differences.element,
    above: h("section.panel", { "aria-label": "Durations" }, chart.element),
    drawn: (traces, hasMore, range) => chart.update(dots(application.id, traces, hasMore, range)),
  });
}

/**
 * Creates the link to what is different about these traces. It is hidden while they cannot be compared.
 *
 * @param {string} applicationId
 * @param {Parameters<typeof differencesHref>[1] & Parameters<typeof isComparable>[0]} filters
 */
function differencesLink(applicationId, filters) {
  const element = lateLink(() => differencesHref(applicationId, filters), "What is different about these?");
  const update = () => {
    element.hidden = !isComparable(filters);
  };
  update();
  return { element, update };
}

/**
 * Returns whether a comparison can be limited to the traces of a list. It compares failed or slow traces
 * with the others, and has no filter for words or other statuses.
 *
 * @param {{ q: string, status: string, min: string }} filters
 */
export const isComparable = ({ q, status, min }) => !q && (!status || (status === "error" && !min));

/**
 * Returns the data of the scatter chart. It covers the chosen time range or, if not all traces are loaded,
 * the time of the loaded ones.
 *
 * @param {string} applicationId
 * @param {TraceRow[]} traces
 * @param {boolean} hasMore
 * @param {Range} range
 */
function dots(applicationId, traces, hasMore, range) {
  const { from: start, to: end } = boundsOf(range);
  const from = hasMore ? Date.parse(traces[traces.length - 1].startTime) : start;
  return {
    from: Math.min(from, end - 1_000),
    to: end,
    note: hasMore ? `the newest ${count(traces.length)}` : "",
    dots: traces.map((trace) => dot(applicationId, trace)),
  };
}

/** @param {string} applicationId @param {TraceRow} trace @returns {Dot} */
const dot = (applicationId, trace) => ({
  at: Date.parse(trace.startTime),
  ms: trace.durationMs ?? 0,
  isError: trace.isError,
  name: trace.name,
  href: hrefOf(applicationId, trace),
});

/** @param {string} applicationId @param {TraceRow} trace */
const hrefOf = (applicationId, { traceId, startTime }) => traceHref(applicationId, traceId, startTime);

/** @param {string} applicationId @param {TraceRow} trace */
function row(applicationId, trace) {
  const { status, isError, errorCount, startTime } = trace;
  return h(
    "li",
    {},
    h(
      "a.row.trace-row",
      { href: hrefOf(applicationId, trace) },
      h("span.status", { class: tone(trace) }, status ?? (isError ? "error" : "ok")),
      h("span.name", {}, trace.name, !trace.hasRoot && h("span.faint.small", {}, " root span missing")),
      h("span.service", {}, trace.service ?? ""),
      h(
        "span.spans",
        {},
        plural(trace.spanCount, "span"),
        errorCount > 0 && h("span.error-text", {}, ` · ${count(errorCount)} failed`),
      ),
      h("span.duration", {}, duration(trace.durationMs)),
      h("time.at", { datetime: startTime }, h("span.day", {}, otherDay(startTime)), " ", clockMs(startTime)),
    ),
  );
}

/**
 * Returns the tone of a row. A 4xx that is not a failure is a warning: the caller caused it.
 *
 * @param {TraceRow} trace
 */
const tone = ({ isError, status }) => (isError ? "error" : status && status >= 400 ? "warn" : "ok");
