// Small pieces that many pages share.

import { h } from "../dom.js";
import { ago, moment } from "../format.js";

/** @import { Child } from "../../types/dom" */

/** A word in a coloured frame. @param {string} text @param {string} [tone] error, warn, ok, accent */
export const pill = (text, tone = "") => h("span.pill", { class: tone }, text);

/** "2 min. ago", with the exact time for a pointer that rests on it. @param {string | null | undefined} at */
export const when = (at, none = "never") =>
  at ? h("time", { datetime: at, title: moment(at), "data-ago": true }, ago(at)) : h("span.faint", {}, none);

/** Moves all the "2 min. ago" on, now and then. */
export function keepTime() {
  setInterval(() => {
    for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("[data-ago]")))
      time.textContent = ago(time.dateTime);
  }, 20_000);
}

/** Grey lines where rows will be. @param {number} [rows] */
export const skeleton = (rows = 6) =>
  h(
    "div.skeleton",
    { "aria-hidden": "true" },
    Array.from({ length: rows }, () => h("div")),
  );

/**
 * Nothing to show on a page, and what to do about it.
 *
 * @param {Child} title
 * @param {Child} text
 * @param {...Child} actions
 */
export const empty = (title, text, ...actions) => emptyUnder("h2", title, text, actions);

/**
 * Nothing but that: the title is the page's own.
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

/** A page's heading, with what belongs beside it. @param {Child} title @param {...Child} beside */
export const heading = (title, ...beside) =>
  h("div.heading", {}, h("h1", { tabindex: -1 }, title), beside.length ? h("div.beside", {}, beside) : null);

/**
 * A label above its control.
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

/** A live dot: something is being waited for. */
export const pulse = () => h("span.pulse", { "aria-hidden": "true" });
