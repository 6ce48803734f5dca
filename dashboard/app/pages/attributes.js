import { h } from "../dom.js";
import { plain } from "../format.js";

/** Sorts attributes by name, as they arrive in any order. @param {Record<string, unknown> | null | undefined} values */
export const sorted = (values) =>
  Object.fromEntries(Object.entries(values ?? {}).sort(([a], [b]) => a.localeCompare(b)));

/** Allows line breaks after dots and underscores, as in `http.request.method`. @param {string} name */
const breakable = (name) => name.split(/(?<=[._])/).map((part) => [part, h("wbr")]);

/**
 * A list of names and values, without empty values; null if none is left.
 *
 * @param {string} title
 * @param {Record<string, unknown> | null | undefined} values
 */
export function attributeList(title, values) {
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
      pairs.map(([name, value]) => h("div", {}, h("dt", {}, breakable(name)), h("dd", {}, plain(value)))),
    ),
  );
}
