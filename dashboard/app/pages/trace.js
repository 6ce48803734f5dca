// The page of a trace: spans as a waterfall, and logs.

import * as api from "../api.js";
import { fill, fillIfNew, h } from "../dom.js";
import { duration, moment, plural, textOfGaps } from "../format.js";
import { Problem } from "../http.js";
import { keepFresh } from "../live.js";
import { storeInAddress, to } from "../router.js";
import { errorBanner } from "../ui/banner.js";
import { empty, heading, pill, skeleton } from "../ui/bits.js";
import { copyButton } from "../ui/copy-button.js";
import { back } from "../ui/icons.js";
import { logLine } from "./log-line.js";
import { serviceTones, waterfall } from "./waterfall.js";

/** @import { Application, Trace } from "../../types/openapi" */

/** Age up to which spans of a trace may still arrive, so that it is refreshed often. */
const YOUNG_MS = 60_000;
const YOUNG_PAUSE_MS = 3_000;
const OLD_PAUSE_MS = 60_000;

/** @type {import("../main.js").Page} */
export function tracePage(outlet, { params, query, signal }, application) {
  const body = h("div.stack", {}, skeleton());
  const selected = { span: query.get("span") };
  let shown = "";
  let startTime = Date.now();

  async function load() {
    const trace = await api
      .trace(params.trace, { applicationId: application.id, at: query.get("at") }, signal)
      .catch(orNull);
    const state = JSON.stringify(trace);
    // Rendered only after a change, because rendering closes what the user has opened.
    if (state === shown) return;
    shown = state;
    if (!trace) return fillIfNew(body, unknown());
    startTime = Date.parse(trace.startTime);
    fill(body, show(trace, application, selected));
  }

  const banner = errorBanner(() => fresh.refresh());
  const list = h(
    "a.button.quiet.small.back",
    { href: to("/applications/{}/traces", application.id) },
    back(),
    "Traces",
  );
  fill(outlet, h("p.crumb", {}, list), banner.element, body);
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
  return [
    heading(
      [root?.name ?? "Trace", trace.errorCount > 0 && pill(`${trace.errorCount} failed`, "error")],
      copyButton(() => trace.traceId, { label: "Trace id" }),
    ),
    summary(trace, tones),
    trace.isTruncated &&
      h("p.notice", {}, "This trace is too large to be shown completely. Some spans or logs are omitted."),
    trace.gaps.length > 0 && h("p.notice", {}, textOfGaps(trace.gaps)),
    h("section.panel.flush", { "aria-label": "Spans" }, waterfall(trace, tones, selected.span, select)),
    logsOf(trace, application),
  ];
}

/** @param {Trace} trace @param {Map<string, string>} tones */
const summary = (trace, tones) =>
  h(
    "p.trace-summary",
    {},
    h("b", {}, duration(trace.durationMs)),
    h("span", {}, plural(trace.spanCount, "span")),
    h("time", { datetime: trace.startTime }, moment(trace.startTime)),
    trace.services.map((service) =>
      h("span.service-name", {}, h("i", { class: tones.get(service) }), service),
    ),
  );

/** @param {Trace} trace @param {Application} application */
function logsOf(trace, application) {
  if (trace.logs.length === 0) return null;
  const all = `${to("/applications/{}/logs", application.id)}?trace=${encodeURIComponent(trace.traceId)}`;
  return h(
    "section.stack-small",
    { "aria-labelledby": "trace-logs" },
    h(
      "div.heading.minor",
      {},
      h("h2", { id: "trace-logs" }, "Logs"),
      h("div.beside", {}, h("a", { href: all }, "Show in logs")),
    ),
    h(
      "ol.rows.logs.panel.flush",
      {},
      trace.logs.map((log) => h("li", {}, logLine(log))),
    ),
  );
}
