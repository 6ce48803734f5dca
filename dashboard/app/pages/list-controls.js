// The controls that the lists of traces and logs have in common.

import * as api from "../api.js";
import { h } from "../dom.js";
import { traceIdIn } from "../filters.js";
import { lateLink } from "../ui/bits.js";
import { filterBar } from "../ui/filter-bar.js";
import { searchField } from "../ui/toolbar.js";
import { traceHref } from "./addresses.js";

/** @import { Filters } from "../filters.js" */

/**
 * Creates the search field of a list. Beside it, a link opens the trace if the text may be the id of one.
 *
 * @param {string} applicationId
 * @param {string} label
 * @param {string} text
 * @param {(choices: { q: string }) => void} changed
 */
export function textSearch(applicationId, label, text, changed) {
  /** @type {string | null} */
  let traceId = null;
  const name = h("span");
  const link = lateLink(() => traceHref(applicationId, traceId ?? ""), ["Open trace ", name]);
  const show = (/** @type {string} */ q) => {
    traceId = traceIdIn(q);
    name.textContent = traceId;
    link.hidden = traceId === null;
  };
  show(text);
  const field = searchField(label, text, (q) => {
    show(q);
    changed({ q });
  });
  return [field, link];
}

/**
 * Creates the filters of a list of traces or logs, with suggestions from its time range.
 *
 * @param {object} options
 * @param {string} options.applicationId
 * @param {"traces" | "logs"} options.of
 * @param {Filters} options.filters changed in place, because suggestions depend on the service
 * @param {(choices: Partial<Filters>) => void} options.changed
 * @param {() => { from: string, to: string | null }} options.times
 * @param {AbortSignal} options.signal
 */
export const fieldFilters = ({ applicationId, of, filters, changed, times, signal }) =>
  filterBar({
    filters,
    hasNames: of === "traces",
    changed,
    suggest: () => api.fields({ applicationId, ...times(), signal: of, service: filters.service }, signal),
  });
