// Small elements that several pages use.

import { h } from "../dom.js";
import { ago, moment } from "../format.js";

/** @import { Child } from "../../types/dom" */

/** A short label in a colored frame. @param {string} text @param {string} [tone] error, warn, ok, accent */
export const pill = (text, tone = "") => h("span.pill", { class: tone }, text);

/**
 * Creates a link whose address is computed when it is followed, because it depends on what is chosen by then.
 *
 * @param {() => string} hrefOf
 * @param {Child} content
 */
export function lateLink(hrefOf, content) {
  const link = h("a.button", { href: hrefOf() }, content);
  for (const event of ["pointerdown", "focus", "click"]) {
    link.addEventListener(event, () => {
      link.href = hrefOf();
    });
  }
  return link;
}

/** An age like "2 min. ago", with the exact time as a tooltip. @param {string | null | undefined} at */
export const when = (at, none = "never") =>
  at ? h("time", { datetime: at, title: moment(at), "data-ago": true }, ago(at)) : h("span.faint", {}, none);

/** Updates the ages shown by `when` every 20 seconds. */
export function updateTimes() {
  setInterval(() => {
    for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("[data-ago]")))
      time.textContent = ago(time.dateTime);
  }, 20_000);
}

/** Placeholder lines for rows that are loading. @param {number} [rows] */
export const skeleton = (rows = 6) =>
  h(
    "div.skeleton",
    { "aria-hidden": "true" },
    Array.from({ length: rows }, () => h("div")),
  );

/**
 * The empty state of a page section, with actions.
 *
 * @param {Child} title
 * @param {Child} text
 * @param {...Child} actions
 */
export const empty = (title, text, ...actions) => emptyUnder("h2", title, text, actions);

/**
 * The empty state of a whole page. The title is the page heading.
 *
 * @param {Child} title
 * @param {Child} text
 * @param {...Child} actions
 */
export const emptyPage = (title, text, ...actions) => emptyUnder("h1", title, text, actions);

/** @param {"h1" | "h2"} tag @param {Child} title @param {Child} text @param {Child[]} actions */
const emptyUnder = (tag, title, text, actions) =>
  h(
    "div.empty",
    {},
    h(tag, { tabindex: tag === "h1" && -1 }, title),
    h("p", {}, text),
    actions.length ? h("p.actions", {}, actions) : null,
  );

/** A page heading with elements beside it. @param {Child} title @param {...Child} beside */
export const heading = (title, ...beside) =>
  h("div.heading", {}, h("h1", { tabindex: -1 }, title), beside.length ? h("div.beside", {}, beside) : null);

/**
 * A form field: label, control and optional hint.
 *
 * @param {string} id
 * @param {string} label
 * @param {HTMLElement} control
 * @param {Child} [hint]
 */
export const field = (id, label, control, hint) => {
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h(
    "div.field",
    {},
    h("label", { for: id }, label),
    control,
    hint && h("p.hint", { id: `${id}-hint` }, hint),
  );
};

/** Two columns of names and values. @param {[string, Child][]} pairs */
export const facts = (pairs) =>
  h(
    "dl.facts",
    {},
    pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );

/** An animated dot that shows that the page is waiting. */
export const pulse = () => h("span.pulse", { "aria-hidden": "true" });

/**
 * Shows the values of charts as a table, which is closed at first.
 *
 * @param {string} label
 * @param {string[]} columns
 * @param {Element} body
 */
export function chartTable(label, columns, body) {
  const names = columns.map((name) => h("th", { scope: "col" }, name));
  const table = h("table", {}, h("thead", {}, h("tr", {}, names)), body);
  const scrolled = h("div.scroll", { tabindex: 0, role: "region", "aria-label": label }, table);
  return h("details.table-details", {}, h("summary", {}, "Show as a table"), scrolled);
}
