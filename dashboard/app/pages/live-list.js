// The common part of the pages of traces and logs: a filtered list that stays up to date.

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

/**
 * @typedef {Page & { applicationId: string, from: string, to: string | null }} ListQuery query parameters of every list
 */

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
  const banner = errorBanner(() => fresh.refresh());
  const context = { application, signal, rangeOf: () => range, failed: banner.show };
  const listing = listingOf(options, context, gaps.show);
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
  fill(outlet, heading(options.title, view.note, options.beside, live.button));
  outlet.append(h("div.toolbar", {}, picker.element, controls), banner.element, gaps.element, view.body);

  async function load() {
    await listing.refresh(boundsOf(range).from);
    await view.draw();
  }
  const failed = (/** @type {unknown} */ error) => {
    banner.show(error);
    live.failed(error);
  };
  const fresh = keepFresh({ load, pauseMs: () => refreshMsOf(range), signal, failed });
  return { choose: picker.choose };
}

/**
 * What the list and its view have in common.
 *
 * @typedef {object} Context
 * @property {import("../../types/openapi").Application} application
 * @property {AbortSignal} signal
 * @property {() => Range} rangeOf the time range that is chosen
 * @property {(error: unknown) => void} failed
 */

/**
 * @template T
 * @template {{ nextCursor?: string | null, searchedTo?: string | null, gaps: Gap[] }} A
 * @template {Record<string, string | string[]>} F
 * @param {ListOptions<T, A, F>} options
 * @param {Context} context
 * @param {(gaps: Gap[]) => void} showGaps
 * @returns {Listing<T, A>}
 */
const listingOf = (options, { application, rangeOf }, showGaps) =>
  new Listing({
    ...options,
    async page(parameters) {
      const range = rangeOf();
      const question = { applicationId: application.id, ...questionOf(range), ...parameters };
      const response = await options.page(question);
      if (range === rangeOf()) showGaps(response.gaps);
      return response;
    },
  });

/**
 * Shows the rows of a list, or the reason why there are none.
 *
 * @template T
 * @template {{ nextCursor?: string | null, searchedTo?: string | null, gaps: Gap[] }} A
 * @template {Record<string, string | string[]>} F
 * @param {Listing<T, A>} listing
 * @param {ListOptions<T, A, F>} options
 * @param {Context} context
 */
function listView(listing, { filters, what, list, above, keyOf, row, drawn }, context) {
  const note = h("p.note", { role: "status" });
  const body = h("div.stack", {}, skeleton());
  const stopped = stoppedSearch(what);
  const { filled, more } = filledList(what, list, above);

  async function draw() {
    const { rows, hasMore, searchedTo, isLoaded } = listing;
    // Filters or time range have changed during the request.
    if (!isLoaded) return;
    note.textContent = rows.length ? noteOf(plural(rows.length, what), hasMore, searchedTo) : "";
    if (rows.length > 0) return drawRows();
    if (!hasMore) return drawEmpty();
    replace(body, stopped.at(searchedTo));
  }

  function drawRows() {
    replace(body, filled);
    more.hidden = !listing.hasMore;
    keyed(list, listing.rows, keyOf, row);
    drawn?.(listing.rows, listing.hasMore, context.rangeOf());
  }

  async function drawEmpty() {
    const { generation } = listing;
    const isFiltered = isAnySet(filters);
    const reason = await emptyList({ ...context, what, isFiltered, range: context.rangeOf() });
    if (generation === listing.generation && listing.rows.length === 0) fillIfNew(body, reason);
  }

  runOnPress([more, stopped.button], () => listing.more().then(draw).catch(context.failed));

  const clear = () => {
    note.textContent = "";
    // The links in rows contain the time range.
    forget(list);
    fill(body, skeleton());
  };
  return { note, body, draw, clear };
}

/** @param {Record<string, string | string[]>} filters */
const isAnySet = (filters) => Object.values(filters).some((value) => value.length > 0);

/**
 * Shows one element alone. If it is shown already, it keeps the focus.
 *
 * @param {Element} body
 * @param {Element} element
 */
function replace(body, element) {
  if (element.parentNode !== body) fill(body, element);
}

/**
 * Runs an action when one of the buttons is pressed, and disables all of them meanwhile.
 *
 * @param {HTMLButtonElement[]} buttons
 * @param {() => Promise<void>} action
 */
function runOnPress(buttons, action) {
  const disable = (/** @type {boolean} */ isBusy) => {
    for (const button of buttons) button.disabled = isBusy;
  };
  for (const button of buttons) {
    button.addEventListener("click", async () => {
      disable(true);
      await action();
      disable(false);
    });
  }
}

/**
 * Creates the list of rows with a button for older ones.
 *
 * @param {"trace" | "log"} what
 * @param {Element} list
 * @param {Element} [above]
 */
function filledList(what, list, above) {
  const more = h("button.button.more", { type: "button", hidden: true }, `Show older ${what}s`);
  return { filled: h("div.stack", {}, above, h("section.panel.flush", {}, list), more), more };
}

/**
 * Creates the note that a search has found nothing yet, but has not searched the whole time range.
 *
 * @param {"trace" | "log"} what
 */
function stoppedSearch(what) {
  const reached = h("span");
  const button = h("button.button.primary", { type: "button" }, "Continue searching");
  const text = `No ${what} found so far. Older ones have not been searched.`;
  const element = empty(reached, text, button);
  return {
    button,
    /** Shows how far the search has got. @param {string | null} searchedTo */
    at(searchedTo) {
      reached.textContent = searchedTo ? `Searched to ${dayAndTime(searchedTo)}` : "Searched in part";
      return element;
    },
  };
}

/** @param {string} rows number of them @param {boolean} hasMore @param {string | null} searchedTo */
const noteOf = (rows, hasMore, searchedTo) =>
  [rows, hasMore && " and more", hasMore && searchedTo && `, searched to ${dayAndTime(searchedTo)}`]
    .filter(Boolean)
    .join("");
