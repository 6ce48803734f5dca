// What failed or slow traces have in common that others do not.

import * as api from "../api.js";
import { fill, fillIfNew, h } from "../dom.js";
import { attribute, filtersOf } from "../filters.js";
import { count, dayAndTime, percent, plural } from "../format.js";
import { keepFresh } from "../live.js";
import { storeInAddress, to, withChoices } from "../router.js";
import { chosenRange, questionOf, showInAddress, textOfRange, withTime } from "../timespan.js";
import { errorBanner } from "../ui/banner.js";
import { empty, heading, skeleton } from "../ui/bits.js";
import { gapsNotice } from "../ui/gaps.js";
import { timePicker } from "../ui/time-picker.js";
import { choice } from "../ui/toolbar.js";
import { durationOptions, minOf } from "./durations.js";
import { fieldFilters } from "./list-controls.js";

/**
 * @import { Difference, Differences } from "../../types/openapi"
 * @import { Filters } from "../filters.js"
 * @import { Range } from "../timespan.js"
 */

/** The comparison reads chunks, and its result changes slowly. */
const PAUSE_MS = 60_000;

/** @typedef {{ range: Range, filters: Filters & { min: string } }} Chosen */

/** @type {import("../main.js").Page} */
export function differencesPage(outlet, { query, signal }, application) {
  /** @type {Chosen} */
  const chosen = {
    range: chosenRange(query),
    filters: { min: minOf(query), ...filtersOf(query) },
  };
  showInAddress(chosen.range);
  const body = h("div.stack", {}, skeleton());
  const gaps = gapsNotice();

  async function load() {
    const asked = { range: chosen.range, filters: { ...chosen.filters } };
    const before = JSON.stringify(asked);
    const differences = await api.differences(questionFor(application.id, asked), signal);
    if (before !== JSON.stringify(chosen)) return;
    gaps.show(differences.gaps);
    const list = withTime(to("/applications/{}/traces", application.id));
    fillIfNew(body, h("div.stack", {}, shown(differences, chosen, list)));
  }

  const reload = () => {
    fill(body, skeleton());
    fresh.refresh();
  };
  const banner = errorBanner(() => fresh.refresh());
  fill(
    outlet,
    heading("What is different"),
    toolbar(chosen, application.id, signal, reload),
    banner.element,
    gaps.element,
    body,
  );
  const fresh = keepFresh({ load, pauseMs: () => PAUSE_MS, signal, failed: banner.show });
}

/** @param {string} applicationId @param {Chosen} chosen */
const questionFor = (applicationId, { range, filters: { min, service, name, attr } }) => ({
  applicationId,
  ...questionOf(range),
  minDurationMs: Number(min) || null,
  service,
  name,
  attr,
});

/**
 * Creates the controls, which change what is chosen.
 *
 * @param {Chosen} chosen
 * @param {string} applicationId
 * @param {AbortSignal} signal
 * @param {() => void} reload
 */
function toolbar(chosen, applicationId, signal, reload) {
  const { filters } = chosen;
  const changed = (/** @type {Partial<Chosen["filters"]>} */ choices) => {
    Object.assign(filters, choices);
    storeInAddress(filters);
    reload();
  };
  const picker = timePicker(chosen.range, (next) => {
    chosen.range = next;
    reload();
  });
  const times = () => questionOf(chosen.range);
  /** @type {[string, string][]} */
  const selections = [["", "Failed traces"], ...durationOptions(filters.min, (text) => `Traces ${text}`)];
  return h(
    "div.toolbar",
    {},
    picker.element,
    choice("Compare", selections, filters.min, (min) => changed({ min })),
    fieldFilters({ applicationId, of: "traces", filters, changed, times, signal }),
  );
}

/**
 * @param {Differences} differences
 * @param {Chosen} chosen
 * @param {string} list address of the traces
 */
function shown(differences, { range, filters }, list) {
  const { selected, others, values, isSmall } = differences;
  const kind = filters.min ? "slow" : "failed";
  const sides = [plural(selected, `${kind} trace`), plural(others, "other")];
  if (selected === 0)
    return empty(
      titleOfNone(differences, kind, range),
      sampleText(differences, kind),
      traceLink("Show all traces", list, {}),
    );
  if (values.length === 0)
    return empty(
      "No clear difference",
      `Nothing is clearly more frequent in ${sides.join(" than in ")}. ${sampleText(differences, kind)}`,
      traceLink(`Show ${kind} traces`, list, choicesOf(filters)),
    );
  return [
    isSmall && h("p.notice", {}, `Only ${sides.join(" and ")}: this may be chance.`),
    table(
      kind,
      values.map((value) => row(value, filters, list)),
    ),
    h("p.hint", {}, sampleText(differences, kind)),
  ];
}

/** @param {string} kind of the selected traces @param {Element[]} rows */
function table(kind, rows) {
  const columns = ["Field", "Value", `Of ${kind} traces`, "Of others", "Service"];
  const heads = columns.map((name) => h("th", { scope: "col" }, name));
  return h(
    "section.panel.scroll",
    { tabindex: 0, role: "region", "aria-label": "Differences" },
    h("table.differences", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)),
  );
}

/** @param {string} text @param {string} list @param {Record<string, string | string[]>} choices */
const traceLink = (text, list, choices) => h("a.button", { href: withChoices(list, choices) }, text);

/**
 * Returns the filters of the list that shows the selected traces.
 *
 * @param {Filters & { min: string }} filters
 */
const choicesOf = ({ min, service, name, attr }) => ({
  min,
  status: min ? "" : "error",
  service,
  name,
  attr,
});

/** @param {Difference} difference @param {Filters & { min: string }} filters @param {string} list */
function row(difference, filters, list) {
  const { key, field, value, service, selected, selectedOf, others, othersOf } = difference;
  const label = key ?? field;
  const href = withChoices(list, { ...choicesOf(filters), ...filterOf(difference) });
  return h(
    "tr",
    {},
    h("td.faint", {}, label),
    h("th", { scope: "row" }, h("a", { href, "aria-label": `${label}: ${value}` }, value)),
    share(selected, selectedOf),
    share(others, othersOf),
    h("td.faint", {}, field === "service" ? "" : (service ?? "")),
  );
}

/**
 * Returns the filters for a value. They replace those of the comparison: a list wants one span that meets all
 * filters, and the value may be that of another span of the same trace.
 *
 * @param {Difference} difference
 * @returns {Filters}
 */
export function filterOf({ field, key, value, service }) {
  if (field === "service") return { service: value, name: "", attr: [] };
  const ofService = { service: service ?? "", name: "", attr: [] };
  return field === "name"
    ? { ...ofService, name: value }
    : { ...ofService, attr: [attribute(key ?? "", value)] };
}

/** @param {number} part @param {number} whole */
const share = (part, whole) =>
  h(
    "td",
    {},
    h("b", {}, percent(part, whole)),
    h("span.faint.small", {}, ` ${count(part)} of ${count(whole)}`),
  );

/**
 * Returns the title if no trace was selected. There may be failed or slow traces outside the sample.
 *
 * @param {Pick<Differences, "sample" | "searchedTo" | "isTruncated" | "gaps">} differences
 * @param {"failed" | "slow"} kind
 * @param {Range} range
 */
export function titleOfNone({ sample, searchedTo, isTruncated, gaps }, kind, range) {
  const isPart = searchedTo || isTruncated || gaps.length > 0 || sample.events < sample.of;
  return `No ${kind} traces ${isPart ? "in the sample" : textOfRange(range)}`;
}

/**
 * Describes what was looked at.
 *
 * @param {Pick<Differences, "sample" | "searchedTo" | "isTruncated">} differences
 * @param {"failed" | "slow"} kind
 */
export function sampleText({ sample, searchedTo, isTruncated }, kind) {
  const isPart = sample.events < sample.of;
  const [from, to] = [sample.from, sample.to].map((at) => Date.parse(at ?? ""));
  const preferred = `${kind === "slow" ? "Slow" : "Failed"} traces were preferred, so the sample has a greater share of them.`;
  return [
    `From a sample of ${count(sample.events)} of ${plural(sample.of, "span")}.`,
    isPart && from <= to && `It covers ${textOfRange({ from, to })}.`,
    isPart && preferred,
    searchedTo && `Searched back to ${dayAndTime(searchedTo)}.`,
    isTruncated && "The sample had more values than can be compared.",
  ]
    .filter(Boolean)
    .join(" ");
}
