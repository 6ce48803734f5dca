// Rate, failures and durations of requests, by service or operation, with links to their traces.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { count, dayAndTime, duration, percent, perTime, plural } from "../format.js";
import { storeInAddress, to, withChoices } from "../router.js";
import { choicesOf, questionOf, withRange } from "../timespan.js";
import { segmented } from "../ui/toolbar.js";
import { differencesHref } from "./addresses.js";

/**
 * @import { Metrics, MetricsRow } from "../../types/openapi"
 * @import { Range } from "../timespan.js"
 * @typedef {"service" | "operation"} By
 */

/** Time after which the table is loaded again. It reads more than the charts do. */
const FRESH_MS = 60_000;

/** @type {Record<By, string[]>} */
const COLUMNS = {
  service: ["Service", "Rate", "Requests", "Failed", "p50", "p95", "p99", "Failures"],
  operation: ["Operation", "Rate", "Requests", "Failed", "p50", "p95", "p99", "Failures"],
};

/**
 * @param {string} applicationId
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 * @param {() => void} changed called when the user chooses other rows
 */
export function requestsTable(applicationId, query, signal, changed) {
  let by = /** @type {By} */ (query.get("by") === "operation" ? "operation" : "service");
  let loaded = "";
  let loadedAt = 0;
  const table = rowsOf(applicationId);
  const choice = byChoice(by, (value) => {
    by = value;
    storeInAddress({ by });
    changed();
  });
  const toolbar = h("div.toolbar", {}, h("h2", {}, "Requests"), choice);

  /**
   * Loads the rows, unless those of this time range were loaded within the last minute.
   *
   * @param {Range} range
   * @param {() => boolean} isCurrent whether the time range is still chosen
   */
  async function load(range, isCurrent) {
    const asked = by;
    const wanted = JSON.stringify([choicesOf(range), asked]);
    if (wanted === loaded && Date.now() - loadedAt < FRESH_MS) return;
    const metrics = await api.metrics({ applicationId, ...questionOf(range), by: asked }, signal);
    if (asked !== by || !isCurrent()) return;
    loaded = wanted;
    loadedAt = Date.now();
    table.show(metrics, by, range);
  }

  return { element: h("section.panel", { "aria-label": "Requests" }, toolbar, table.elements), load };
}

/** The rows, and what is not in them. @param {string} applicationId */
function rowsOf(applicationId) {
  const names = h("tr");
  const rows = h("tbody");
  const note = h("p.hint");
  return {
    elements: [tableOf(names, rows), note],
    /** @param {Metrics} metrics @param {By} by @param {Range} range */
    show(metrics, by, range) {
      const heads = COLUMNS[by].map((name) => h("th", { scope: "col" }, name));
      const lines = (metrics.rows ?? []).map((row) => tableRow(applicationId, row, range));
      fill(names, heads);
      fill(rows, lines);
      note.textContent = noteOf(metrics);
    },
  };
}

/** @param {By} by @param {(by: By) => void} changed */
function byChoice(by, changed) {
  /** @type {[By, string][]} */
  const options = [
    ["service", "By service"],
    ["operation", "By operation"],
  ];
  return segmented("Requests by", options, by, changed);
}

/** @param {Element} names @param {Element} rows */
const tableOf = (names, rows) =>
  h(
    "div.scroll",
    { tabindex: 0, role: "region", "aria-label": "Requests as a table" },
    h("table.requests", {}, h("thead", {}, names), rows),
  );

/** @param {string} applicationId @param {MetricsRow} row @param {Range} range */
function tableRow(applicationId, row, range) {
  const name = row.name ?? row.service ?? "without a service";
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("a", { href: tracesOf(applicationId, row, range), title: titleOf(row) }, name),
      row.name && h("span.faint", {}, ` ${row.service ?? ""}`),
    ),
    h("td", {}, perTime(row.perSecond)),
    h("td", {}, count(row.count)),
    h("td", { class: row.errors > 0 ? "error-text" : "" }, percent(row.errors, row.count)),
    [row.p50Ms, row.p95Ms, row.p99Ms].map((ms) => h("td", {}, duration(ms))),
    h("td", {}, row.errors > 0 && differencesLink(applicationId, row)),
  );
}

/**
 * Names what a row links to. A row without a service links to all traces, because no filter finds such spans.
 *
 * @param {Pick<MetricsRow, "service" | "name">} row
 */
export const titleOf = ({ service, name }) => name ?? service ?? "all services";

/**
 * Creates a link to what is different about the failed requests of a row.
 *
 * @param {string} applicationId
 * @param {MetricsRow} row
 */
const differencesLink = (applicationId, { service, name }) =>
  h(
    "a.small",
    {
      href: differencesHref(applicationId, { service: service ?? "", name: name ?? "" }),
      "aria-label": `What is different about the failed requests of ${titleOf({ service, name })}`,
    },
    "What is different",
  );

/**
 * Returns the address of the traces behind a row.
 *
 * @param {string} applicationId
 * @param {Pick<MetricsRow, "service" | "name">} row
 * @param {Range} range
 */
export const tracesOf = (applicationId, { service, name }, range) =>
  withChoices(withRange(to("/applications/{}/traces", applicationId), range), {
    service: service ?? null,
    name: name ?? null,
  });

/**
 * Describes what is counted, and what is not in the rows.
 *
 * @param {Pick<Metrics, "others" | "searchedTo">} metrics
 */
export function noteOf({ others, searchedTo }) {
  const counted = "Counts root spans and spans of kind server or consumer. Percentiles are within 11 %.";
  const rest = others?.count
    ? `${plural(others.count, "request")} of other operations ${others.count === 1 ? "is" : "are"} not listed.`
    : "";
  const part =
    searchedTo && `There is too much telemetry for one response: counted since ${dayAndTime(searchedTo)}.`;
  return [counted, rest, part].filter(Boolean).join(" ");
}
