// What an application has sent in the last 30 days, and what is left of today's quota.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { compact, count, percent } from "../format.js";
import { SignedOut } from "../session.js";
import { seriesChart } from "../charts/series.js";
import { errorText } from "../ui/banner.js";
import { chartTable, skeleton } from "../ui/bits.js";

/**
 * @import { Application, Usage, UsageOfDay } from "../../types/openapi"
 * @typedef {{ startTime: string, all: number, logs: number }} DayOfUnits
 */

const DAY_MS = 86_400_000;
/** Share of the quota of a day from which on it is pointed out. */
const WARNED_FROM = 0.8;
const COLUMNS = ["Day (UTC)", "Requests", "Spans", "Log records", "Write units"];

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
    const chart = unitsChart();
    fill(body, quota(usage), chart.element, table(usage));
    chart.update({ buckets: usage.days.map(unitsOfDay), stepMs: DAY_MS });
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
});

/** @param {Usage} usage */
function quota({ days, unitsPerDay }) {
  const used = total(days[days.length - 1]);
  const isNear = used >= WARNED_FROM * unitsPerDay;
  return h(
    "p",
    { class: isNear ? "warn-text" : "" },
    `Today ${compact(used)} of ${compact(unitsPerDay)} write units, ${percent(used, unitsPerDay)}.`,
    isNear && " Above them nothing is kept until midnight (UTC).",
  );
}

const unitsChart = () =>
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

/** @param {Usage} usage */
const table = ({ days }) =>
  chartTable("Usage as a table", COLUMNS, h("tbody", {}, [...days].reverse().map(row)));

/** @param {UsageOfDay} day */
const row = (day) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, day.date),
    [day.traces.requests + day.logs.requests, day.traces.events, day.logs.events, total(day)].map((amount) =>
      h("td", {}, count(amount)),
    ),
  );
