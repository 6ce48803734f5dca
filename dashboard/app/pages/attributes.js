import { h } from "../dom.js";
import { plain } from "../format.js";
import { copyIcon } from "../ui/copy-button.js";

/**
 * Sorts attributes by name, as they arrive in any order.
 *
 * @param {Record<string, unknown> | null | undefined} values
 */
export const sorted = (values) =>
  Object.fromEntries(Object.entries(values ?? {}).sort(([a], [b]) => a.localeCompare(b)));

/** @typedef {(key: string, value: string) => string} FilterHref address of a list with this filter */

/** Length that a filter for an attribute, including its key, must stay below for the API. */
const MAX_FILTER = 1000;

/**
 * Shows a value, as a link if there can be a filter for it.
 *
 * @param {string} name
 * @param {unknown} value
 * @param {FilterHref} [filterHref]
 */
function shownValue(name, value, filterHref) {
  const text = plain(value);
  const isFilterable = ["string", "number", "boolean"].includes(typeof value);
  if (!filterHref || !isFilterable || 2 * name.length + text.length >= MAX_FILTER) return text;
  const link = h("a.value", { href: filterHref(name, text), title: "Filter by this value" }, text);
  // Filters may have changed since the link was made.
  link.addEventListener("click", () => {
    link.href = filterHref(name, text);
  });
  return link;
}

/** Allows line breaks after dots and underscores, as in `http.request.method`. @param {string} name */
const breakable = (name) => name.split(/(?<=[._])/).map((part) => [part, h("wbr")]);

/**
 * Shows names and values as a list, without empty values; null if none is left.
 *
 * @param {string} title
 * @param {Record<string, unknown> | null | undefined} values
 * @param {FilterHref} [filterHref] makes each value a link
 */
export function attributeList(title, values, filterHref) {
  const pairs = Object.entries(values ?? {}).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  if (pairs.length === 0) return null;
  return h(
    "section.attributes",
    {},
    title && h("h2", {}, title),
    h(
      "dl",
      {},
      pairs.map(([name, value]) =>
        h(
          "div",
          {},
          h("dt", {}, breakable(name)),
          h(
            "dd",
            {},
            h("span.copied", {}, shownValue(name, value, filterHref)),
            copyIcon(() => plain(value), name),
          ),
        ),
      ),
    ),
  );
}
