// Explains why a list is empty, and what to do.

import * as api from "../api.js";
import { h } from "../dom.js";
import { to } from "../router.js";
import { isFixed, textOfRange } from "../timespan.js";
import { empty, pulse } from "../ui/bits.js";

/**
 * @param {object} context
 * @param {import("../../types/openapi").Application} context.application
 * @param {"trace" | "log"} context.what
 * @param {boolean} context.isFiltered
 * @param {import("../timespan.js").Range} context.range
 * @param {AbortSignal} context.signal
 */
export async function emptyList({ application, what, isFiltered, range, signal }) {
  if (isFiltered)
    return empty(
      "Nothing matches",
      `No ${what} in this time range matches the filters. Remove a filter or choose a longer time range.`,
    );
  const { keys } = await api.keys(application.id, signal);
  const usable = keys.filter(({ status }) => status === "active");
  /** @param {string} text @param {string} [tone] */
  const keysLink = (text, tone = "") =>
    h("a.button", { href: to("/applications/{}/keys", application.id), class: tone }, text);
  if (usable.length === 0) {
    return empty(
      "No active API key",
      `A ${what} can be sent only with an API key. Create one for ${application.name}, and copy a snippet for your language.`,
      keysLink("Create a key", "primary"),
    );
  }
  if (keys.every(({ lastUsedAt }) => !lastUsedAt)) {
    return empty(
      [pulse(), `Waiting for your first ${what}…`],
      "It appears here as soon as it arrives. The keys page has snippets that send one.",
      keysLink("Keys and snippets"),
    );
  }
  if (isFixed(range))
    return empty(`No ${what}s: ${textOfRange(range)}`, "Choose another time range to see others.");
  return empty(
    [pulse(), `No ${what}s ${textOfRange(range)}`],
    "New ones appear here automatically. Choose a longer time range to see older ones.",
  );
}
