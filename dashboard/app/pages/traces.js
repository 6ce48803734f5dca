// The traces of an application, newest first.

import * as api from "../api.js";
import { h } from "../dom.js";
import { filtersOf } from "../filters.js";
import { clockMs, count, duration, otherDay, plural } from "../format.js";
import { to } from "../router.js";
import { SPANS } from "../timespan.js";
import { scatterChart } from "../charts/scatter.js";
import { filterBar } from "../ui/filter-bar.js";
import { choice, searchField } from "../ui/toolbar.js";
import { liveList } from "./live-list.js";

/**
 * @import { TraceRow, Traces } from "../../types/openapi"
 * @import { Dot } from "../charts/scatter.js"
 * @import { SpanName } from "../timespan.js"
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
/** @type {[string, string][]} */
const DURATIONS = [
  ["", "Any duration"],
  ["10", "≥ 10 ms"],
  ["100", "≥ 100 ms"],
  ["500", "≥ 500 ms"],
  ["1000", "≥ 1 s"],
  ["5000", "≥ 5 s"],
];

/** @type {import("../main.js").Page} */
export function tracesPage(outlet, visit, application) {
  const { query, signal } = visit;
  const filters = {
    q: query.get("q") ?? "",
    status: query.get("status") ?? "",
    min: query.get("min") ?? "",
    ...filtersOf(query),
  };
  const chart = scatterChart("Duration");
  liveList(outlet, visit, application, {
    title: "Traces",
    what: "trace",
    filters,
    controls: (changed, from) => [
      searchField("Name, service or trace id", filters.q, (q) => changed({ q })),
      choice("Status", STATUSES, filters.status, (status) => changed({ status })),
      choice("Duration", DURATIONS, filters.min, (min) => changed({ min })),
      filterBar({
        filters,
        hasNames: true,
        changed,
        suggest: () =>
          api.fields({ applicationId: application.id, from: from(), service: filters.service }, signal),
      }),
    ],
    page: (question) =>
      api.traces(
        {
          ...question,
          q: filters.q,
          status: filters.status,
          minDurationMs: Number(filters.min) || null,
          service: filters.service,
          name: filters.name,
          attr: filters.attr,
        },
        signal,
      ),
    rowsOf: (/** @type {Traces} */ { traces }) => traces,
    keyOf: ({ traceId }) => traceId,
    timeOf: ({ startTime }) => Date.parse(startTime),
    row: (trace) => row(application.id, trace),
    list: h("ol.rows", { "aria-label": "Traces" }),
    above: h("section.panel", { "aria-label": "Durations" }, chart.element),
    drawn: (traces, hasMore, span) => chart.update(dots(application.id, traces, hasMore, span)),
  });
}

/**
 * Data of the scatter chart. Covers the chosen time range, or only the loaded traces if there are
 * more.
 *
 * @param {string} applicationId
 * @param {TraceRow[]} traces
 * @param {boolean} hasMore
 * @param {SpanName} span
 */
function dots(applicationId, traces, hasMore, span) {
  const now = Date.now();
  const from = hasMore ? Date.parse(traces[traces.length - 1].startTime) : now - SPANS[span].ms;
  return {
    from: Math.min(from, now - 1_000),
    to: now,
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

/** `at` lets the server search for the trace near its start time. @param {string} applicationId @param {TraceRow} trace */
const hrefOf = (applicationId, { traceId, startTime }) =>
  `${to("/applications/{}/traces/{}", applicationId, traceId)}?at=${encodeURIComponent(startTime)}`;

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

/** A 4xx that is no failure is a warning: the caller caused it. @param {TraceRow} trace */
const tone = ({ isError, status }) => (isError ? "error" : status && status >= 400 ? "warn" : "ok");
