// The parts of the page of a trace: heading, summary, waterfall and logs.

import { announce, fillIfNew, h, keyed } from "../dom.js";
import { attribute } from "../filters.js";
import { duration, moment, plural, textOfGaps } from "../format.js";
import { to, withChoices } from "../router.js";
import { around, withRange, withTime } from "../timespan.js";
import { nameOfZone, shownZone } from "../zone.js";
import { toOtlp } from "../trace/otlp.js";
import { heading, pill } from "../ui/bits.js";
import { copyButton } from "../ui/copy-button.js";
import { logLine } from "./log-line.js";
import { Waterfall, serviceTones } from "./waterfall.js";

/**
 * @import { Application, LogRecord, Trace } from "../../types/openapi"
 * @typedef {import("./attributes.js").FilterHref} FilterHref
 */

/** Log records that are listed before the user asks for all. */
const FEW_LOGS = 100;

/**
 * The page of a trace. `update` shows more spans of it, and keeps what is open.
 *
 * @param {Trace} first
 * @param {Application} application
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 */
export function traceView(first, application, query, signal) {
  const hrefs = {
    traces: filteredList(withTime(to("/applications/{}/traces", application.id))),
    logs: filteredList(withTime(to("/applications/{}/logs", application.id))),
  };
  const head = h("div");
  let current = first;
  const logs = logsView(first, application, hrefs.logs);
  const waterfall = new Waterfall(first, serviceTones(first.services), query, hrefs, signal);
  /** @param {Trace} trace */
  function update(trace) {
    const tones = serviceTones(trace.services);
    current = trace;
    const parts = [
      headOf(trace, () => download(current)),
      summary(trace, tones, application),
      notices(trace),
    ];
    // Unless the text has changed, the focus stays.
    fillIfNew(head, h("div.stack-small", {}, parts));
    logs.update(trace.logs);
    if (trace !== first) waterfall.update(trace, tones);
  }
  update(first);
  return {
    elements: [
      head,
      h("section.panel.flush.waterfall-panel", { "aria-label": "Spans" }, waterfall.element),
      logs.element,
    ],
    /** Call once the elements are in the page. */
    start: () => waterfall.start(),
    update,
  };
}

/** @param {Trace} trace @param {() => void} save */
function headOf({ traceId, spans, errorCount }, save) {
  const root = spans.find(({ parentSpanId, depth }) => depth === 0 && !parentSpanId) ?? spans[0];
  return heading(
    [root?.name ?? "Trace", errorCount > 0 && pill(`${errorCount} failed`, "error")],
    copyButton(() => traceId, { label: "Trace id" }),
    h("button.button.small", { type: "button", on: { click: save } }, "Download OTLP JSON"),
  );
}

/** Saves the trace in the encoding of OpenTelemetry. @param {Trace} trace */
function download(trace) {
  const blob = new Blob([JSON.stringify(toOtlp(trace))], { type: "application/json" });
  const href = URL.createObjectURL(blob);
  h("a", { href, download: `trace-${trace.traceId.replace(/[^\w.-]/g, "_")}.json` }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
  announce("The trace was downloaded.");
}

/** @param {Trace} trace */
const notices = ({ isTruncated, gaps }) => [
  isTruncated &&
    h(
      "p.notice",
      {},
      "This trace is too large to be shown completely. Some spans or logs are omitted or still loading.",
    ),
  gaps.length > 0 && h("p.notice", {}, textOfGaps(gaps)),
];

/** @param {Trace} trace @param {Map<string, string>} tones @param {Application} application */
const summary = (trace, tones, application) =>
  h(
    "p.trace-summary",
    {},
    h("b", {}, duration(trace.durationMs)),
    h("span", {}, plural(trace.spanCount, "span")),
    trace.startTime && momentOf(trace.startTime, application),
    trace.services.map((service) =>
      h("span.service-name", {}, h("i", { class: tones.get(service) }), service),
    ),
  );

/** When a trace started, with its zone, and links to what else happened then. @param {string} start @param {Application} application */
function momentOf(start, application) {
  const at = Date.parse(start);
  const link = (/** @type {string} */ list) =>
    h("a", { href: withRange(to(`/applications/{}/${list}`, application.id), around(at)) }, list);
  return [
    h("time", { datetime: start }, `${moment(start)} ${nameOfZone(shownZone(), at)}`),
    h("span", {}, "Around this moment: ", link("traces"), ", ", link("logs"), ", ", link("metrics")),
  ];
}

/** Addresses of a list with one attribute as its filter. @param {string} list @returns {FilterHref} */
const filteredList = (list) => (key, value) => withChoices(list, { attr: [attribute(key, value)] });

/** The log records below the waterfall. @param {Trace} trace @param {Application} application @param {FilterHref} filterHref */
function logsView({ traceId }, application, filterHref) {
  const all = withChoices(withTime(to("/applications/{}/logs", application.id)), { trace: traceId });
  const none = h("p.hint", {}, "There are none within five minutes of these spans.");
  const list = h("ol.rows.logs.panel.flush");
  const more = h("button.button.more", { type: "button" });
  /** @type {LogRecord[]} */
  let records = [];
  let hasAll = false;
  more.addEventListener("click", () => {
    hasAll = true;
    draw();
  });
  function draw() {
    const numbered = records
      .slice(0, hasAll ? Infinity : FEW_LOGS)
      .map((log, index) => ({ log, key: `${index} ${log.timestamp}` }));
    keyed(
      list,
      numbered,
      ({ key }) => key,
      ({ log }) => h("li", {}, logLine(log, { filterHref })),
    );
    none.hidden = records.length > 0;
    list.hidden = records.length === 0;
    more.hidden = numbered.length === records.length;
    more.textContent = `Show all ${plural(records.length, "record")}`;
  }
  const element = h(
    "section.stack-small",
    { "aria-labelledby": "trace-logs" },
    h(
      "div.heading.minor",
      {},
      h("h2", { id: "trace-logs" }, "Logs"),
      h("div.beside", {}, h("a", { href: all }, "Show in logs")),
    ),
    none,
    list,
    more,
  );
  return {
    element,
    /** @param {LogRecord[]} logs */
    update(logs) {
      records = logs;
      draw();
    },
  };
}
