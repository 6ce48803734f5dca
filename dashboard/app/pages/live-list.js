// The common part of the traces and logs pages: a filtered list that stays up to date.

import { fill, fillIfNew, h, keyed } from "../dom.js";
import { clockShort, otherDay, plural } from "../format.js";
import { keepFresh } from "../live.js";
import { storeInAddress } from "../router.js";
import { boundsOf, chosenRange, questionOf, refreshMsOf, showInAddress } from "../timespan.js";
import { errorBanner } from "../ui/banner.js";
import { empty, heading, skeleton } from "../ui/bits.js";
import { gapsNotice } from "../ui/gaps.js";
import { timePicker } from "../ui/time-picker.js";
import { liveButton } from "../ui/toolbar.js";
import { Listing } from "./listing.js";
import { emptyList } from "./empty-list.js";

/**
 * @import { Child } from "../../types/dom"
 * @import { Gap } from "../../types/openapi"
 * @import { Range } from "../timespan.js"
 * @import { Page } from "./listing.js"
 */

/** @typedef {Page & { applicationId: string, from: string, to: string | null }} ListQuery query parameters of every list */

/**
 * @template T a row
 * @template {{ nextCursor?: string | null, searchedTo?: string | null, gaps: Gap[] }} A a response
 * @template {Record<string, string | string[]>} F filters
 * @typedef {object} ListOptions
 * @property {string} title
 * @property {"trace" | "log"} what
 * @property {F} filters values by name in the address
 * @property {(changed: (choices: Partial<F>) => void, times: () => { from: string, to: string | null }) => Child[]} controls `times` is the time range
 * @property {(query: ListQuery) => Promise<A>} page loads a page
 * @property {(response: A) => T[]} rowsOf
 * @property {(row: T) => string} keyOf
 * @property {(row: T) => number} timeOf
 * @property {(row: T) => Element} row
 * @property {HTMLElement} list element that contains the rows
 * @property {HTMLElement} [above] element above the list
 * @property {Child} [beside] elements beside the heading
 * @property {(rows: T[], hasMore: boolean, range: Range) => void} [drawn] called after every change
 */

/**
 * @template T
 * @template {{ nextCursor?: string | null, searchedTo?: string | null, gaps: Gap[] }} A
 * @template {Record<string, string | string[]>} F
 * @param {HTMLElement} outlet
 * @param {import("../router.js").Visit} visit
 * @param {import("../../types/openapi").Application} application
 * @param {ListOptions<T, A, F>} options
 */
export function liveList(outlet, { query, signal }, application, options) {
  const { filters, what, list, above, keyOf } = options;
  let range = chosenRange(query);
  showInAddress(range);
  /** @type {Listing<T, A>} */
  const listing = new Listing({
    ...options,
    page: async (parameters) => {
      const response = await options.page({
        applicationId: application.id,
        ...questionOf(range),
        ...parameters,
      });
      gaps.show(response.gaps);
      return response;
    },
  });
  const gaps = gapsNotice();
  const note = h("p.note", { role: "status" });
  const more = h(
    "button.button.more",
    { type: "button", hidden: true, on: { click: loadMore } },
    `Show older ${what}s`,
  );
  const goOn = h("button.button.primary", { type: "button", on: { click: loadMore } }, "Go on");
  const reached = h("span");
  const stopped = empty(reached, `No ${what} yet that matches. Older ones have not been searched.`, goOn);
  const body = h("div.stack", {}, skeleton());
  const filled = h("div.stack", {}, above, h("section.panel.flush", {}, list), more);

  async function load() {
    await listing.refresh(boundsOf(range).from);
    await draw();
  }

  async function draw() {
    const { rows, hasMore, searchedTo } = listing;
    note.textContent = rows.length ? noteOf(plural(rows.length, what), hasMore, searchedTo) : "";
    if (rows.length === 0 && hasMore) {
      // The search has stopped on the way, so nothing is known about the time before.
      reached.textContent = searchedTo ? `Searched to ${timeOfDay(searchedTo)}` : "Searched in part";
      if (stopped.parentNode !== body) fill(body, stopped);
      return;
    }
    if (rows.length === 0) {
      const isFiltered = Object.values(filters).some((value) => value.length > 0);
      return fillIfNew(body, await emptyList({ application, what, isFiltered, range, signal }));
    }
    if (filled.parentNode !== body) fill(body, filled);
    more.hidden = !hasMore;
    keyed(list, rows, keyOf, options.row);
    options.drawn?.(rows, hasMore, range);
  }

  async function loadMore() {
    more.disabled = goOn.disabled = true;
    await listing.more().then(draw).catch(banner.show);
    more.disabled = goOn.disabled = false;
  }

  const reload = () => {
    listing.clear();
    // Links of rows have the time range.
    fill(list);
    fill(body, skeleton());
    fresh.refresh();
  };
  const changed = (/** @type {Partial<F>} */ choices) => {
    Object.assign(filters, choices);
    storeInAddress(filters);
    reload();
  };
  const picker = timePicker(range, (next) => {
    range = next;
    reload();
  });

  const banner = errorBanner(() => fresh.refresh());
  fill(
    outlet,
    heading(
      options.title,
      note,
      options.beside,
      liveButton((paused) => fresh.setPaused(paused)),
    ),
    h(
      "div.toolbar",
      {},
      picker.element,
      options.controls(changed, () => questionOf(range)),
    ),
    banner.element,
    gaps.element,
    body,
  );
  const fresh = keepFresh({ load, pauseMs: () => refreshMsOf(range), signal, failed: banner.show });
  return { choose: picker.choose };
}

/** @param {string} rows number of them @param {boolean} hasMore @param {string | null} searchedTo */
const noteOf = (rows, hasMore, searchedTo) =>
  [rows, hasMore && " and more", hasMore && searchedTo && `, searched to ${timeOfDay(searchedTo)}`]
    .filter(Boolean)
    .join("");

/** Time of a day, with the day unless it is today. @param {string} at */
const timeOfDay = (at) => [otherDay(at), clockShort(at)].filter(Boolean).join(", ");
