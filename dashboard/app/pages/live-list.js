// A page with a list that stays up to date: what traces and logs have in common.

import { fill, fillIfNew, h, keyed } from "../dom.js";
import { plural } from "../format.js";
import { keepFresh } from "../live.js";
import { remember } from "../router.js";
import { beginOf, chosenSpan, pauseOf } from "../timespan.js";
import { troubleBanner } from "../ui/banner.js";
import { heading, skeleton } from "../ui/bits.js";
import { liveButton, spanPicker } from "../ui/toolbar.js";
import { Listing } from "./listing.js";
import { nothingYet } from "./nothing-yet.js";

/**
 * @import { Child } from "../../types/dom"
 * @import { SpanName } from "../timespan.js"
 * @import { Page } from "./listing.js"
 */

/** @typedef {Page & { applicationId: string, from: string }} Question what every list asks the API */

/**
 * @template T a row
 * @template {{ nextCursor?: string | null }} A an answer
 * @template {Record<string, string>} F filters
 * @typedef {object} Subject
 * @property {string} title
 * @property {"trace" | "log"} what
 * @property {F} filters by their names in the address
 * @property {(changed: (choices: Partial<F>) => void) => Child[]} controls
 * @property {(question: Question) => Promise<A>} page asks the API for a page
 * @property {(answer: A) => T[]} rowsOf
 * @property {(row: T) => string} keyOf
 * @property {(row: T) => number} timeOf
 * @property {(row: T) => Element} row
 * @property {HTMLElement} list the element that the rows are in
 * @property {HTMLElement} [above] what stands above the list
 * @property {(rows: T[], hasMore: boolean, span: SpanName) => void} [drawn] called after every change
 */

/**
 * @template T
 * @template {{ nextCursor?: string | null }} A
 * @template {Record<string, string>} F
 * @param {HTMLElement} outlet
 * @param {import("../router.js").Visit} visit
 * @param {import("../../types/openapi").Application} application
 * @param {Subject<T, A, F>} subject
 */
export function liveList(outlet, { query, signal }, application, subject) {
  const { filters, what, list, above, keyOf } = subject;
  let span = chosenSpan(query);
  /** @type {Listing<T, A>} */
  const listing = new Listing({
    ...subject,
    page: (parameters) => subject.page({ applicationId: application.id, from: beginOf(span), ...parameters }),
  });
  const note = h("p.note", { role: "status" });
  const more = h(
    "button.button.more",
    { type: "button", hidden: true, on: { click: loadMore } },
    `Show older ${what}s`,
  );
  const body = h("div.stack", {}, skeleton());
  const filled = h("div.stack", {}, above, h("section.panel.flush", {}, list), more);

  async function load() {
    await listing.refresh(Date.parse(beginOf(span)));
    await draw();
  }

  async function draw() {
    const { rows, hasMore } = listing;
    note.textContent = rows.length ? `${plural(rows.length, what)}${hasMore ? " and more" : ""}` : "";
    if (rows.length === 0) {
      const isFiltered = Object.values(filters).some(Boolean);
      return fillIfNew(body, await nothingYet({ application, what, isFiltered, span, signal }));
    }
    if (filled.parentNode !== body) fill(body, filled);
    more.hidden = !hasMore;
    keyed(list, rows, keyOf, subject.row);
    subject.drawn?.(rows, hasMore, span);
  }

  async function loadMore() {
    more.disabled = true;
    await listing.more().then(draw).catch(banner.show);
    more.disabled = false;
  }

  const again = () => {
    listing.clear();
    fill(body, skeleton());
    fresh.refresh();
  };
  const changed = (/** @type {Partial<F>} */ choices) => {
    Object.assign(filters, choices);
    remember(filters);
    again();
  };
  const changeSpan = (/** @type {SpanName} */ name) => {
    span = name;
    again();
  };

  const banner = troubleBanner(() => fresh.refresh());
  fill(
    outlet,
    heading(
      subject.title,
      note,
      liveButton((paused) => fresh.setPaused(paused)),
    ),
    h("div.toolbar", {}, spanPicker(span, changeSpan), subject.controls(changed)),
    banner.element,
    body,
  );
  const fresh = keepFresh({ load, pauseMs: () => pauseOf(span), signal, failed: banner.show });
}
