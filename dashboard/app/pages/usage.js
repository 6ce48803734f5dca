// What an application has sent in the last 30 days, what was read of it, and what is left of today's quotas.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { compact, count, percent } from "../format.js";
import { SignedOut } from "../session.js";
import { seriesChart } from "../charts/series.js";
import { errorText } from "../ui/banner.js";
import { chartTable, skeleton } from "../ui/bits.js";

/**
 * @import { Application, Usage, UsageOfDay } from "../../types/openapi"
 * @typedef {{ startTime: string, all: number, logs: number, reads: number }} DayOfUnits
 */

const DAY_MS = 86_400_000;
/** Share of the quota of a day from which on it is pointed out. */
const WARNED_FROM = 0.8;
const COLUMNS = ["Day (UTC)", "Requests", "Spans", "Log records", "Write units", "Queries", "Read units"];

/** @param {Application} application @param {AbortSignal} signal */
export function usagePanel(application, signal) {
  const body = h("div.stack", {}, skeleton());
  load(body, application, signal);
  return h("section.panel", { "aria-labelledby": "usage" }, h("h2", { id: "usage" }, "Usage"), body);
}

/** @param {HTMLElement} body @param {Application} application @param {AbortSignal} signal */
async function load(body, { id }, signal) {
  try {
    const usage = await api.usage(id, signal);
    const [written, read] = [writtenChart(), readChart()];
    fill(
      body,
      writeQuota(usage),
      refused(usage),
      written.element,
      readQuota(usage),
      read.element,
      table(usage),
    );
    const data = { buckets: usage.days.map(unitsOfDay), stepMs: DAY_MS };
    written.update(data);
    read.update(data);
  } catch (error) {
    if (signal.aborted || error instanceof SignedOut) return;
    fill(body, h("p.error-text", {}, errorText(error)));
  }
}

/** @param {UsageOfDay} day */
const total = ({ traces, logs }) => traces.units + logs.units;

/** @param {UsageOfDay} day @returns {DayOfUnits} */
const unitsOfDay = (day) => ({
  startTime: `${day.date}T00:00:00Z`,
  all: total(day),
  logs: day.logs.units,
  reads: day.reads.units,
});

/** @param {Usage} usage */
const writeQuota = ({ days, unitsPerDay }) =>
  quota(total(days[days.length - 1]), unitsPerDay, "write", "Above them nothing is kept");

/** @param {Usage} usage */
function refused({ days }) {
  const { refusedForCreator: batches } = days[days.length - 1];
  const were = batches === 1 ? "batch was" : "batches were";
  return (
    batches > 0 &&
    h(
      "p.warn-text",
      {},
      `Today ${count(batches)} ${were} refused, because the quota of the user who created the application is used up.`,
      " It is for all applications of that user, and is reset at midnight (UTC).",
    )
  );
}

/** @param {Usage} usage */
const readQuota = ({ days, readUnitsPerDay }) =>
  quota(days[days.length - 1].reads.units, readUnitsPerDay, "read", "Above them telemetry cannot be read");

/** @param {number} used today @param {number} whole @param {string} kind @param {string} above what happens above it */
function quota(used, whole, kind, above) {
  const isNear = used >= WARNED_FROM * whole;
  return h(
    "p",
    { class: isNear ? "warn-text" : "" },
    `Today ${compact(used)} of ${compact(whole)} ${kind} units, ${percent(used, whole)}.`,
    isNear && ` ${above} until midnight (UTC).`,
  );
}

const writtenChart = () =>
  seriesChart({
    label: "Write units by day",
    kind: "bars",
    height: 120,
    format: compact,
    series: [
      { name: "all", tone: "tone-main", value: (/** @type {DayOfUnits} */ day) => day.all },
      { name: "logs", tone: "tone-low", value: (/** @type {DayOfUnits} */ day) => day.logs },
    ],
  });

const readChart = () =>
  seriesChart({
    label: "Read units by day",
    kind: "bars",
    height: 120,
    format: compact,
    series: [{ name: "read", tone: "tone-main", value: (/** @type {DayOfUnits} */ day) => day.reads }],
  });

/** @param {Usage} usage */
const table = ({ days }) =>
  chartTable("Usage as a table", COLUMNS, h("tbody", {}, [...days].reverse().map(row)));

/** @param {UsageOfDay} day */
const row = (day) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, day.date),
    [
      day.traces.requests + day.logs.requests,
      day.traces.events,
      day.logs.events,
      total(day),
      day.reads.queries,
      day.reads.units,
    ].map((amount) => h("td", {}, count(amount))),
  );
