// The page of a trace: spans as a waterfall, and logs.

import * as api from "../api.js";
import { fill, fillIfNew, h } from "../dom.js";
import { attribute } from "../filters.js";
import { duration, moment, plural, textOfGaps } from "../format.js";
import { Problem } from "../http.js";
import { keepFresh } from "../live.js";
import { storeInAddress, to, withChoices } from "../router.js";
import { around, withRange, withTime } from "../timespan.js";
import { nameOfZone, shownZone } from "../zone.js";
import { errorBanner } from "../ui/banner.js";
import { empty, heading, pill, skeleton } from "../ui/bits.js";
import { copyButton } from "../ui/copy-button.js";
import { back } from "../ui/icons.js";
import { logLine } from "./log-line.js";
import { joined } from "./trace-parts.js";
import { serviceTones, waterfall } from "./waterfall.js";

/** @import { Application, Trace } from "../../types/openapi" */

/** Age up to which spans of a trace may still arrive, so that it is refreshed often. */
const YOUNG_MS = 60_000;
const YOUNG_PAUSE_MS = 3_000;
const OLD_PAUSE_MS = 60_000;

/** Number of further parts to load before the user is asked. */
const MAX_PARTS = 20;

/** @type {import("../main.js").Page} */
export function tracePage(outlet, { params, query, signal }, application) {
  const body = h("div.stack", {}, skeleton());
  const progress = h("p.note", { role: "status", hidden: true });
  const more = h(
    "button.button",
    { type: "button", hidden: true, on: { click: searchOn } },
    "Search further",
  );
  const selected = { span: query.get("span") };
  /** The parts of the trace; the first is refreshed. @type {Trace[]} */
  const parts = [];
  let shown = "";
  let startTime = Date.now();

  /** @param {string | null} cursor */
  const part = (cursor) =>
    api
      .trace(params.trace, { applicationId: application.id, at: query.get("at"), cursor }, signal)
      .catch(orNull);

  async function load() {
    const first = await part(null);
    if (!first) return fillIfNew(body, unknown());
    const isNew = parts.length === 0;
    parts[0] = first;
    draw();
    if (isNew) searchOn().catch(banner.show);
  }

  /** Loads the following parts, and shows how far the search is. */
  async function searchOn() {
    more.hidden = true;
    let cursor = parts[parts.length - 1].nextCursor;
    for (let loaded = 0; cursor && loaded < MAX_PARTS; loaded += 1) {
      showProgress(true);
      const next = await part(cursor);
      // Nothing was found anywhere.
      if (!next) break;
      parts.push(next);
      cursor = next.nextCursor;
      draw();
    }
    showProgress(false);
    more.hidden = !cursor;
  }

  /** @param {boolean} goesOn */
  function showProgress(goesOn) {
    const { searchedFrom, searchedTo, nextCursor } = parts[parts.length - 1];
    progress.hidden = !nextCursor;
    const range = `${moment(searchedFrom)} to ${moment(searchedTo)}`;
    progress.textContent = `Searched ${range}${goesOn ? ". Searching further…" : ""}`;
  }

  function draw() {
    const trace = joined(parts);
    const { traceId, startTime: start, durationMs, spans, logs, gaps, isTruncated } = trace ?? {};
    const state = JSON.stringify([traceId, start, durationMs, spans, logs, gaps, isTruncated]);
    // Rendered only after a change, because rendering closes what the user has opened.
    if (state === shown) return;
    shown = state;
    if (!trace) return fillIfNew(body, unknown());
    startTime = Date.parse(trace.startTime ?? "");
    fill(body, show(trace, application, selected));
  }

  const banner = errorBanner(() => fresh.refresh());
  const list = h(
    "a.button.quiet.small.back",
    { href: withTime(to("/applications/{}/traces", application.id)) },
    back(),
    "Traces",
  );
  fill(outlet, h("p.crumb", {}, list), banner.element, body, h("div.beside", {}, progress, more));
  const pauseMs = () => (Date.now() - startTime < YOUNG_MS ? YOUNG_PAUSE_MS : OLD_PAUSE_MS);
  const fresh = keepFresh({ load, pauseMs, signal, failed: banner.show });
}

/** @param {unknown} problem */
function orNull(problem) {
  if (problem instanceof Problem && problem.status === 404) return null;
  throw problem;
}

const unknown = () =>
  empty("Trace not found", "It has expired or has not arrived yet. This page checks again automatically.");

/** @param {Trace} trace @param {Application} application @param {{ span: string | null }} selected */
function show(trace, application, selected) {
  const tones = serviceTones(trace.services);
  const root = trace.spans.find(({ parentSpanId, depth }) => depth === 0 && !parentSpanId) ?? trace.spans[0];
  const select = (/** @type {string | null} */ span) => {
    selected.span = span;
    storeInAddress({ span });
  };
  const hrefs = {
    traces: filteredList(withTime(to("/applications/{}/traces", application.id))),
    logs: filteredList(withTime(to("/applications/{}/logs", application.id))),
  };
  return [
    heading(
      [root?.name ?? "Trace", trace.errorCount > 0 && pill(`${trace.errorCount} failed`, "error")],
      copyButton(() => trace.traceId, { label: "Trace id" }),
    ),
    summary(trace, tones, application),
    trace.isTruncated &&
      h(
        "p.notice",
        {},
        "This trace is too large to be shown completely. Some spans or logs are omitted or still loading.",
      ),
    trace.gaps.length > 0 && h("p.notice", {}, textOfGaps(trace.gaps)),
    h(
      "section.panel.flush",
      { "aria-label": "Spans" },
      waterfall(trace, tones, selected.span, select, hrefs),
    ),
    logsOf(trace, application, hrefs),
  ];
}

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

/** Addresses of a list with one attribute as its filter. @param {string} list @returns {import("./attributes.js").FilterHref} */
const filteredList = (list) => (key, value) => withChoices(list, { attr: [attribute(key, value)] });

/** @param {Trace} trace @param {Application} application @param {import("./span-details.js").FilterHrefs} hrefs */
function logsOf(trace, application, hrefs) {
  const logs = withTime(to("/applications/{}/logs", application.id));
  const all = withChoices(logs, { trace: trace.traceId });
  return h(
    "section.stack-small",
    { "aria-labelledby": "trace-logs" },
    h(
      "div.heading.minor",
      {},
      h("h2", { id: "trace-logs" }, "Logs"),
      h("div.beside", {}, h("a", { href: all }, "Show in logs")),
    ),
    trace.logs.length === 0
      ? h("p.hint", {}, "There are none within five minutes of these spans.")
      : h(
          "ol.rows.logs.panel.flush",
          {},
          trace.logs.map((log) => h("li", {}, logLine(log, { filterHref: hrefs.logs }))),
        ),
  );
}
