// The controls that the lists of traces and logs have in common.

import * as api from "../api.js";
import { go } from "../router.js";
import { filterBar } from "../ui/filter-bar.js";
import { searchField } from "../ui/toolbar.js";
import { traceHref } from "./addresses.js";

/** @import { Filters } from "../filters.js" */

/**
 * The search field of a list. The id of a trace opens it.
 *
 * @param {string} applicationId
 * @param {string} label
 * @param {string} text
 * @param {(choices: { q: string }) => void} changed
 */
export const textSearch = (applicationId, label, text, changed) =>
  searchField(
    label,
    text,
    (q) => changed({ q }),
    (id) => go(traceHref(applicationId, id)),
  );

/**
 * The filters of a list of traces or logs, with suggestions of its time range.
 *
 * @param {object} options
 * @param {string} options.applicationId
 * @param {"traces" | "logs"} options.of
 * @param {Filters} options.filters as they are when suggestions are asked for
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
