// The logs of an application, newest first.

import * as api from "../api.js";
import { h } from "../dom.js";
import { attribute, filtersOf, withAttribute } from "../filters.js";
import { queryOf, to, withChoices } from "../router.js";
import { around, withRange } from "../timespan.js";
import { traceHref } from "./addresses.js";
import { fieldFilters, textSearch } from "./list-controls.js";
import { liveList } from "./live-list.js";
import { levelTone, logLine } from "./log-line.js";

/** @import { LogRecord, Logs } from "../../types/openapi" */

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace"];

/** @type {import("../main.js").Page} */
export function logsPage(outlet, visit, application) {
  const { query, signal } = visit;
  const filters = {
    q: query.get("q") ?? "",
    level: query.get("level") ?? "",
    trace: query.get("trace") ?? "",
    ...filtersOf(query),
    name: "",
  };
  liveList(outlet, visit, application, {
    title: "Logs",
    what: "log",
    filters,
    controls: (changed, times) => [
      textSearch(application.id, "Words in message, type or service", filters.q, changed),
      levelPills(filters.level, (level) => changed({ level })),
      filters.trace && traceFilter(filters.trace, () => changed({ trace: "" })),
      fieldFilters({ applicationId: application.id, of: "logs", filters, changed, times, signal }),
    ],
    page(question) {
      const { q, level, trace, service, attr } = filters;
      return api.logs({ ...question, q, level, traceId: trace, service, attr }, signal);
    },
    rowsOf: (/** @type {Logs} */ { logs }) => withKeys(logs),
    keyOf: ({ key }) => key,
    timeOf: ({ timestamp }) => Date.parse(timestamp),
    row: (log) => h("li", {}, logLine(log, { ...hrefsOf(application.id, log), filterHref })),
    list: h("ol.rows.logs", { "aria-label": "Logs" }),
  });
}

/** Adds a key to each line. Lines have no ids, and two lines may be identical. @param {LogRecord[]} logs */
function withKeys(logs) {
  const seen = new Map();
  return logs.map((log) => {
    const text = JSON.stringify([log.timestamp, log.level, log.message, log.traceId, log.spanId]);
    seen.set(text, (seen.get(text) ?? 0) + 1);
    return { ...log, key: `${text}${seen.get(text)}` };
  });
}

/** @param {string} applicationId @param {LogRecord} log */
const hrefsOf = (applicationId, { traceId, timestamp }) => ({
  traceHref: traceId && traceHref(applicationId, traceId, timestamp),
  aroundHref: withRange(to("/applications/{}/logs", applicationId), around(Date.parse(timestamp))),
});

/** Returns the address of the same list with one more filter. @param {string} key @param {string} value */
const filterHref = (key, value) => {
  const filters = filtersOf(queryOf(location.hash));
  return withChoices(location.hash, withAttribute(filters, attribute(key, value)) ?? {});
};

/** @param {string} chosen levels, separated by commas @param {(levels: string) => void} changed */
function levelPills(chosen, changed) {
  const active = new Set(chosen.split(",").filter(Boolean));
  const buttons = LEVELS.map((level) => {
    const button = h(
      "button.pill.toggle",
      { type: "button", class: levelTone(level), "aria-pressed": String(active.has(level)) },
      level,
    );
    button.addEventListener("click", () => {
      if (!active.delete(level)) active.add(level);
      button.setAttribute("aria-pressed", String(active.has(level)));
      changed(LEVELS.filter((name) => active.has(name)).join(","));
    });
    return button;
  });
  return h("div.pills", { role: "group", "aria-label": "Levels" }, buttons);
}

/** @param {string} traceId @param {() => void} clear */
function traceFilter(traceId, clear) {
  const button = h(
    "button.button.small",
    { type: "button", "aria-label": "Show the logs of all traces" },
    `Trace ${traceId.slice(0, 8)} ✕`,
  );
  button.addEventListener("click", () => {
    button.remove();
    clear();
  });
  return button;
}
