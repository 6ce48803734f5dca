// The page of a trace: spans as a waterfall, and logs.

import * as api from "../api.js";
import { fill, fillIfNew, h } from "../dom.js";
import { moment } from "../format.js";
import { Problem } from "../http.js";
import { keepFresh } from "../live.js";
import { to } from "../router.js";
import { withTime } from "../timespan.js";
import { errorBanner } from "../ui/banner.js";
import { empty, skeleton } from "../ui/bits.js";
import { back } from "../ui/icons.js";
import { traceMenu } from "./telemetry-deletion.js";
import { joined, signatureOf } from "./trace-parts.js";
import { traceView } from "./trace-view.js";

/** @import { Trace } from "../../types/openapi" */

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
  /** The parts of the trace; the first is refreshed. @type {Trace[]} */
  const parts = [];
  let shown = "";
  /** @type {ReturnType<typeof traceView> | null} */
  let view = null;
  let startTime = Date.now();

  /** @param {string | null} cursor */
  async function part(cursor) {
    const question = { applicationId: application.id, at: query.get("at"), cursor };
    const loaded = await api.trace(params.trace, question, signal).catch(orNull);
    // Lets the page react to the user between reading a large response and drawing it.
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
    return loaded;
  }

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
    if (!trace) return fillIfNew(body, unknown());
    const signature = signatureOf(trace);
    if (signature === shown) return;
    shown = signature;
    startTime = Date.parse(trace.startTime ?? "");
    if (view) return view.update(trace);
    view = traceView(trace, application, query, signal);
    fill(body, view.elements);
    view.start();
  }

  const banner = errorBanner(() => fresh.refresh());
  const list = h(
    "a.button.quiet.small.back",
    { href: withTime(to("/applications/{}/traces", application.id)) },
    back(),
    "Traces",
  );
  fill(
    outlet,
    h("p.crumb", {}, list, traceMenu(application, params.trace)),
    banner.element,
    body,
    h("div.beside", {}, progress, more),
  );
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
