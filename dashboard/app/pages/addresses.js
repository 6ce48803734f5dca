// Addresses that pages link to, with the time range and zone of the current page.

import { to, withChoices } from "../router.js";
import { withTime } from "../timespan.js";

/**
 * Returns the address of a trace. With `at`, the server searches near that time.
 *
 * @param {string} applicationId
 * @param {string} traceId
 * @param {string | null} [at]
 */
export const traceHref = (applicationId, traceId, at = null) =>
  withTime(withChoices(to("/applications/{}/traces/{}", applicationId, traceId), { at }));

/**
 * Returns the address of the comparison for a list of traces, with the filters of the list.
 *
 * @param {string} applicationId
 * @param {Partial<import("../filters.js").Filters> & { min?: string }} filters
 */
export const differencesHref = (applicationId, { service = "", name = "", attr = [], min = "" }) =>
  withTime(withChoices(to("/applications/{}/differences", applicationId), { service, name, attr, min }));
