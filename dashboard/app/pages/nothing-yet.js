// Why a list is empty, and what to do: the three cases need different words.

import * as api from "../api.js";
import { h } from "../dom.js";
import { to } from "../router.js";
import { SPANS } from "../timespan.js";
import { empty, pulse } from "../ui/bits.js";

/**
 * @param {object} about
 * @param {import("../../types/openapi").Application} about.application
 * @param {"trace" | "log"} about.what
 * @param {boolean} about.isFiltered
 * @param {import("../timespan.js").SpanName} about.span
 * @param {AbortSignal} about.signal
 */
export async function nothingYet({ application, what, isFiltered, span, signal }) {
  if (isFiltered)
    return empty(
      "Nothing matches",
      `No ${what} of this time matches these filters. Loosen one, or look further back.`,
    );
  const { keys } = await api.keys(application.id, signal);
  const usable = keys.filter(({ status }) => status === "active");
  /** @param {string} text @param {string} [tone] */
  const keysLink = (text, tone = "") =>
    h("a.button", { href: to("/applications/{}/keys", application.id), class: tone }, text);
  if (usable.length === 0) {
    return empty(
      `No ${what} can arrive yet`,
      `${application.name} has no key to send with. Create one, and copy a snippet for your language.`,
      keysLink("Create a key", "primary"),
    );
  }
  if (keys.every(({ lastUsedAt }) => !lastUsedAt)) {
    return empty(
      [pulse(), `Waiting for your first ${what}…`],
      "This page shows it by itself as soon as it arrives. The keys page has snippets to send one.",
      keysLink("Keys and snippets"),
    );
  }
  return empty(
    [pulse(), `No ${what} in the last ${SPANS[span].label}`],
    "New ones appear here by themselves. Choose a longer time to see older ones.",
  );
}
