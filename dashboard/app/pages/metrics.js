// Metrics of an application over time.

import { fill, fillIfNew, h } from "../dom.js";
import { compact, count, dayAndTime, duration, moment, percent, plural } from "../format.js";
import { keepFresh } from "../live.js";
import { metricsInParts } from "../metrics-parts.js";
import { to, withChoices } from "../router.js";
import {
  chosenRange,
  questionOf,
  refreshMsOf,
  showInAddress,
  stepOf,
  textOfRange,
  withRange,
} from "../timespan.js";
import { seriesChart } from "../charts/series.js";
import { errorBanner } from "../ui/banner.js";
import { chartTable, heading, skeleton } from "../ui/bits.js";
import { gapsNotice } from "../ui/gaps.js";
import { timePicker } from "../ui/time-picker.js";
import { liveButton, segmented } from "../ui/toolbar.js";
import { emptyList } from "./empty-list.js";
import { requestsTable } from "./requests-table.js";

/**
 * @import { Bucket, Metrics, Stats, Total } from "../../types/openapi"
 * @import { Range } from "../timespan.js"
 * @typedef {"requests" | "all"} Counted spans that are counted
 * @typedef {Stats & { startTime: string, logs: number, logErrors: number }} FlatBucket
 */

/** @typedef {{ traces: Metrics, logs: Metrics }} Loaded */

/** @type {import("../main.js").Page} */
export function metricsPage(outlet, { query, signal }, application) {
  let range = chosenRange(query);
  showInAddress(range);
  const requests = requestsTable(application.id, query, signal, () => fresh.refresh());
  const view = metricsView(application, signal, requests.element, (part) => picker.choose(part));
  const gaps = gapsNotice();
  const part = h("p.faint.small", { role: "status", hidden: true });

  async function load() {
    const asked = range;
    const isCurrent = () => asked === range;
    const [metrics] = await Promise.all([
      loadMetrics(application.id, asked, signal),
      requests.load(asked, isCurrent),
    ]);
    if (!isCurrent()) return;
    gaps.show(metrics.traces.gaps.length ? metrics.traces.gaps : metrics.logs.gaps);
    part.textContent = partOf(metrics);
    part.hidden = !part.textContent;
    await view.show(metrics, asked, isCurrent);
  }

  const picker = timePicker(range, (next) => {
    range = next;
    view.clear();
    fresh.refresh();
  });
  const live = liveButton((paused) => fresh.setPaused(paused));
  const banner = errorBanner(() => fresh.refresh());
  const hint = "All telemetry of the application is counted: the filters of lists do not apply here.";
  fill(outlet, heading("Metrics", live.button), h("div.toolbar", {}, picker.element, view.choice));
  outlet.append(h("p.hint", {}, hint), banner.element, gaps.element, part, view.body);
  const failed = (/** @type {unknown} */ error) => {
    banner.show(error);
    live.failed(error);
  };
  const fresh = keepFresh({ load, pauseMs: () => refreshMsOf(range), signal, failed });
}

/**
 * Shows the metrics of a time range, or the reason why there are none.
 *
 * @param {import("../../types/openapi").Application} application
 * @param {AbortSignal} signal
 * @param {Element} requests
 * @param {(range: import("../charts/frame.js").TimeRange) => void} selected called with a part of a chart
 */
function metricsView(application, signal, requests, selected) {
  const { filled, update } = content(application.id, requests, selected);
  const body = h("div.stack", {}, skeleton());
  let counted = /** @type {Counted} */ ("requests");
  /** @type {{ metrics: Loaded, range: Range } | null} */
  let shown = null;
  function draw() {
    if (!shown) return;
    if (filled.parentNode !== body) fill(body, filled);
    update(shown.metrics, counted, shown.range);
  }
  return {
    body,
    choice: countChoice(counted, (value) => {
      counted = value;
      draw();
    }),
    clear() {
      shown = null;
      fill(body, skeleton());
    },
    /**
     * @param {Loaded} metrics
     * @param {Range} range
     * @param {() => boolean} isCurrent whether the time range is still chosen
     */
    async show(metrics, range, isCurrent) {
      shown = isEmpty(metrics) ? null : { metrics, range };
      if (shown) return draw();
      const reason = await emptyList({ application, what: "trace", isFiltered: false, range, signal });
      if (isCurrent()) fillIfNew(body, reason);
    },
  };
}

/**
 * @param {string} applicationId
 * @param {Range} range
 * @param {AbortSignal} signal
 * @returns {Promise<Loaded>}
 */
async function loadMetrics(applicationId, range, signal) {
  const parameters = { applicationId, ...questionOf(range), step: stepOf(range) };
  const [traces, logs] = await Promise.all([
    metricsInParts(parameters, signal),
    metricsInParts({ ...parameters, signal: "logs" }, signal),
  ]);
  return { traces, logs };
}

/** Describes what was counted, if it is not the whole time range. @param {Loaded} loaded */
function partOf({ traces, logs }) {
  const since = traces.searchedTo ?? logs.searchedTo;
  return since ? `Counted since ${dayAndTime(since)}: there is too much telemetry to show all of it.` : "";
}

/** @param {Loaded} loaded */
const isEmpty = ({ traces, logs }) => traces.total.count + logs.total.count === 0;

/** @param {Counted} counted @param {(counted: Counted) => void} changed */
function countChoice(counted, changed) {
  /** @type {[Counted, string][]} */
  const options = [
    ["requests", "Requests"],
    ["all", "All spans"],
  ];
  return segmented("Count", options, counted, changed);
}

/**
 * Creates tiles, charts and tables, and a function that shows metrics in them.
 *
 * @param {string} applicationId
 * @param {Element} requests
 * @param {(range: import("../charts/frame.js").TimeRange) => void} selected called with a part of a chart
 */
function content(applicationId, requests, selected) {
  const tiles = h("dl.tiles");
  const table = h("tbody");
  const charts = makeCharts(selected);
  const values = chartTable("Metrics as a table", COLUMNS, table);
  values.classList.add("panel");
  const panels = charts.map(({ element }) => h("section.panel", {}, element));
  return {
    filled: h("div.stack", {}, tiles, panels, requests, values),
    /** @param {Loaded} loaded @param {Counted} counted @param {Range} range */
    update({ traces, logs }, counted, range) {
      const logsAt = new Map(logs.buckets.map((bucket) => [bucket.startTime, bucket]));
      const buckets = traces.buckets.map((bucket) => flat(bucket, logsAt.get(bucket.startTime), counted));
      fill(tiles, tilesOf(stats(traces.total, counted), logs.total, counted, applicationId, range));
      for (const chart of charts) chart.update({ buckets, stepMs: 1000 * traces.stepSeconds });
      fill(table, [...buckets].reverse().filter(hasAny).map(tableRow));
    },
  };
}

/**
 * Returns the statistics of requests, or of all spans.
 *
 * @param {Total} total
 * @param {Counted} counted
 * @returns {Stats}
 */
const stats = (total, counted) => (counted === "requests" ? total.requests : total);

/** @param {Bucket} bucket @param {Bucket | undefined} logs @param {Counted} counted @returns {FlatBucket} */
const flat = (bucket, logs, counted) => ({
  ...stats(bucket, counted),
  startTime: bucket.startTime,
  logs: logs?.count ?? 0,
  logErrors: logs?.errors ?? 0,
});

/** @param {FlatBucket} bucket */
const hasAny = ({ count: events, logs }) => events + logs > 0;

/**
 * @param {(range: import("../charts/frame.js").TimeRange) => void} selected
 * @returns {ReturnType<typeof seriesChart<FlatBucket>>[]}
 */
const makeCharts = (selected) => [
  seriesChart({
    label: "Traffic",
    selected,
    kind: "bars",
    format: compact,
    series: [
      { name: "all", tone: "tone-main", value: (bucket) => bucket.count },
      { name: "failed", tone: "tone-error", value: (bucket) => bucket.errors },
    ],
  }),
  seriesChart({
    label: "Duration",
    selected,
    kind: "lines",
    format: duration,
    series: [
      { name: "p50", tone: "tone-low", value: (bucket) => bucket.p50Ms },
      { name: "p95", tone: "tone-main", value: (bucket) => bucket.p95Ms },
      { name: "p99", tone: "tone-high", value: (bucket) => bucket.p99Ms },
    ],
  }),
  seriesChart({
    label: "Log lines",
    selected,
    kind: "bars",
    height: 120,
    format: compact,
    series: [
      { name: "all", tone: "tone-low", value: (bucket) => bucket.logs },
      { name: "errors", tone: "tone-error", value: (bucket) => bucket.logErrors },
    ],
  }),
];

/**
 * Creates the tiles, with links to the traces and logs behind them.
 *
 * @param {Stats} total
 * @param {Stats} logs
 * @param {Counted} counted
 * @param {string} applicationId
 * @param {Range} range
 */
function tilesOf(total, logs, counted, applicationId, range) {
  const list = (/** @type {string} */ name, /** @type {Record<string, string>} */ choices = {}) =>
    withChoices(withRange(to(`/applications/{}/${name}`, applicationId), range), choices);
  return [
    tile(counted === "requests" ? "Requests" : "Spans", compact(total.count), textOfRange(range), {
      href: list("traces"),
    }),
    tile("Failed", percent(total.errors, total.count), `${count(total.errors)} of ${compact(total.count)}`, {
      href: list("traces", { status: "error" }),
      tone: total.errors > 0 ? "error-text" : "",
    }),
    tile("p50", duration(total.p50Ms), "half are faster"),
    tile("p95", duration(total.p95Ms), "19 of 20 are faster"),
    tile("p99", duration(total.p99Ms), `slowest ${duration(total.maxMs)}`),
    tile("Log lines", compact(logs.count), plural(logs.errors, "error"), { href: list("logs") }),
  ];
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} note
 * @param {{ href?: string, tone?: string }} [options]
 */
const tile = (name, value, note, { href, tone = "" } = {}) =>
  h(
    "div.tile",
    {},
    h("dt", {}, name),
    h(
      "dd",
      {},
      h(
        "b",
        { class: tone },
        href ? h("a.plain", { href, "aria-label": `${name}: ${value}` }, value) : value,
      ),
      h("span", {}, note),
    ),
  );

const COLUMNS = ["Time", "Count", "Failed", "p50", "p95", "p99", "Log lines"];

/** @param {FlatBucket} bucket */
const tableRow = (bucket) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, moment(bucket.startTime)),
    [
      count(bucket.count),
      count(bucket.errors),
      duration(bucket.p50Ms),
      duration(bucket.p95Ms),
      duration(bucket.p99Ms),
      count(bucket.logs),
    ].map((text) => h("td", {}, text)),
  );
