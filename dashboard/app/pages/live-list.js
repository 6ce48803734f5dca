// The common part of the traces and logs pages: a filtered list that stays up to date.

import { fill, fillIfNew, forget, h, keyed } from "../dom.js";
import { dayAndTime, plural } from "../format.js";
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
  const { filters } = options;
  let range = chosenRange(query);
  showInAddress(range);
  const gaps = gapsNotice();
  /** @type {Listing<T, A>} */
  const listing = new Listing({
    ...options,
    async page(parameters) {
      const asked = range;
      const question = { applicationId: application.id, ...questionOf(asked), ...parameters };
      const response = await options.page(question);
      if (asked === range) gaps.show(response.gaps);
      return response;
    },
  });
  const banner = errorBanner(() => fresh.refresh());
  const context = { application, signal, rangeOf: () => range, failed: banner.show };
  const view = listView(listing, options, context);

  const reload = () => {
    listing.clear();
    view.clear();
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
  const live = liveButton((paused) => fresh.setPaused(paused));
  const controls = options.controls(changed, () => questionOf(range));
  fill(outlet, heading(options.title, view.note, options.beside, live));
  outlet.append(h("div.toolbar", {}, picker.element, controls), banner.element, gaps.element, view.body);

  async function load() {
    await listing.refresh(boundsOf(range).from);
    await view.draw();
  }
  const fresh = keepFresh({ load, pauseMs: () => refreshMsOf(range), signal, failed: banner.show });
  return { choose: picker.choose };
}

/**
 * The rows of a list, or what is shown instead of them.
 *
 * @template T
 * @template {{ nextCursor?: string | null, searchedTo?: string | null, gaps: Gap[] }} A
 * @template {Record<string, string | string[]>} F
 * @param {Listing<T, A>} listing
 * @param {ListOptions<T, A, F>} options
 * @param {object} context
 * @param {import("../../types/openapi").Application} context.application
 * @param {AbortSignal} context.signal
 * @param {() => Range} context.rangeOf
 * @param {(error: unknown) => void} context.failed
 */
function listView(listing, { filters, what, list, above, keyOf, row, drawn }, context) {
  const { application, signal, rangeOf, failed } = context;
  const note = h("p.note", { role: "status" });
  const body = h("div.stack", {}, skeleton());
  const more = h("button.button.more", { type: "button", hidden: true }, `Show older ${what}s`);
  const stopped = stoppedSearch(what);
  const filled = h("div.stack", {}, above, h("section.panel.flush", {}, list), more);

  async function draw() {
    const { rows, hasMore, searchedTo, isLoaded } = listing;
    // Filters or time range have changed during the request.
    if (!isLoaded) return;
    note.textContent = rows.length ? noteOf(plural(rows.length, what), hasMore, searchedTo) : "";
    if (rows.length > 0) return drawRows();
    if (!hasMore) return drawEmpty();
    stopped.show(searchedTo);
    if (stopped.element.parentNode !== body) fill(body, stopped.element);
  }

  function drawRows() {
    const { rows, hasMore } = listing;
    if (filled.parentNode !== body) fill(body, filled);
    more.hidden = !hasMore;
    keyed(list, rows, keyOf, row);
    drawn?.(rows, hasMore, rangeOf());
  }

  async function drawEmpty() {
    const { generation } = listing;
    const isFiltered = Object.values(filters).some((value) => value.length > 0);
    const reason = await emptyList({ application, what, isFiltered, range: rangeOf(), signal });
    if (generation === listing.generation && listing.rows.length === 0) fillIfNew(body, reason);
  }

  async function loadMore() {
    more.disabled = stopped.button.disabled = true;
    await listing.more().then(draw).catch(failed);
    more.disabled = stopped.button.disabled = false;
  }
  for (const button of [more, stopped.button]) button.addEventListener("click", loadMore);

  function clear() {
    note.textContent = "";
    // Links of rows have the time range.
    forget(list);
    fill(body, skeleton());
  }
  return { note, body, draw, clear };
}

/** What is shown if a search has stopped on the way, so that nothing is known about the time before. @param {"trace" | "log"} what */
function stoppedSearch(what) {
  const reached = h("span");
  const button = h("button.button.primary", { type: "button" }, "Go on");
  return {
    element: empty(reached, `No ${what} yet that matches. Older ones have not been searched.`, button),
    button,
    show(/** @type {string | null} */ searchedTo) {
      reached.textContent = searchedTo ? `Searched to ${dayAndTime(searchedTo)}` : "Searched in part";
    },
  };
}

/** @param {string} rows number of them @param {boolean} hasMore @param {string | null} searchedTo */
const noteOf = (rows, hasMore, searchedTo) =>
  [rows, hasMore && " and more", hasMore && searchedTo && `, searched to ${dayAndTime(searchedTo)}`]
    .filter(Boolean)
    .join("");
