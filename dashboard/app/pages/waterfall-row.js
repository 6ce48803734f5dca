// The rows of the waterfall: a span, a log record, or a parent that is missing.

import { h } from "../dom.js";
import { duration } from "../format.js";
import { SKEW_MARKS, skewOf, skewText } from "../trace/skew.js";
import { shareOf } from "../trace/zoom.js";
import { levelTone } from "./log-line.js";
import { chevron } from "../ui/icons.js";

/**
 * @import { Child } from "../../types/dom"
 * @import { Section } from "../trace/critical-path.js"
 * @import { Row, SpanNode } from "../trace/tree.js"
 * @import { Zoom } from "../trace/zoom.js"
 *
 * @typedef {object} RowState how a row is shown
 * @property {boolean} isOpen
 * @property {boolean} isFolded
 * @property {boolean} isActive whether Tab reaches it
 * @property {boolean} isMatch of the search
 * @property {boolean} isCurrent at which a search or "Next failure" has arrived
 * @property {boolean} hasLogRows whether log records have rows
 * @property {Zoom} zoom
 * @property {string} tone color class of its service
 * @property {Section[]} path its sections of the critical path
 */

/** Depth from which spans are not indented further, so that their names stay readable. */
const MAX_INDENT = 12;

/**
 * Fills the `li` of a row, or changes it. What is below the line stays.
 *
 * @param {HTMLElement} element
 * @param {Row} row
 * @param {RowState} state
 */
export function drawRow(element, row, state) {
  const before = element.firstElementChild;
  const hasFocus = before?.querySelector(".row-main:focus");
  const line = row.log ? logRow(row, state) : spanRow(row, state);
  if (before) before.replaceWith(line);
  else element.append(line);
  element.style.setProperty("--depth", String(Math.min(row.depth, MAX_INDENT)));
  element.dataset.key = row.key;
  element.setAttribute("aria-level", String(row.depth + 1));
  element.classList.toggle("match", state.isMatch);
  element.classList.toggle("current", state.isCurrent);
  if (hasFocus) /** @type {HTMLElement} */ (line.querySelector(".row-main")).focus({ preventScroll: true });
}

/**
 * What is clicked to open a row. A button would not let its text be selected.
 *
 * @param {RowState} state
 * @param {string} tone
 * @param {...Child} children
 */
const mainPart = (state, tone, ...children) =>
  h(
    "div.row-main",
    {
      class: tone,
      role: "button",
      tabindex: state.isActive ? 0 : -1,
      "aria-expanded": String(state.isOpen),
    },
    children,
  );

/** @param {Row} row @param {RowState} state */
function spanRow({ node }, state) {
  const { span, children, logs } = /** @type {SpanNode} */ (node);
  const isParent = children.length > 0 || (logs.length > 0 && state.hasLogRows);
  const fold = isParent && foldButton(/** @type {SpanNode} */ (node), state.isFolded);
  if (!span) return h("div.span-line", {}, fold, missingPart(/** @type {SpanNode} */ (node), state));
  const main = mainPart(
    state,
    `span-main${span.isError ? " failed" : ""}`,
    h(
      "span.span-name",
      {},
      h("i.tone", { class: state.tone }),
      h("span.label", {}, span.name),
      span.service && h("span.span-service", {}, span.service),
      span.isError && h("span.unseen", {}, "failed"),
      state.isFolded && h("span.below", {}, `+${countBelow(/** @type {SpanNode} */ (node))}`),
      skewMark(/** @type {SpanNode} */ (node)),
    ),
    track(/** @type {SpanNode} */ (node), state),
    h("span.bar-time", {}, duration(span.durationMs)),
  );
  return h("div.span-line", {}, fold, main);
}

/** @param {SpanNode} node @param {boolean} isFolded */
const foldButton = (node, isFolded) =>
  h(
    "button.fold",
    {
      type: "button",
      tabindex: -1,
      "aria-expanded": String(!isFolded),
      "aria-label": `Spans below ${node.span?.name ?? "the missing span"}`,
    },
    chevron(),
  );

/** Number of spans below a span. @param {SpanNode} node */
function countBelow(node) {
  let count = 0;
  const open = [...node.children];
  for (let next = open.pop(); next; next = open.pop()) {
    count += 1;
    for (const child of next.children) open.push(child);
  }
  return count;
}

/** @param {SpanNode} node @param {RowState} state */
const missingPart = (node, state) =>
  mainPart(
    state,
    "span-main missing",
    h(
      "span.span-name",
      {},
      h("span.label", {}, "Missing span"),
      h("span.span-service", {}, `of another application, or not received: ${node.id}`),
    ),
    h("span.track", {}),
    h("span.bar-time", {}),
  );

/** @param {SpanNode} node */
function skewMark(node) {
  const skew = skewOf(node);
  if (!skew) return null;
  const tone = skew.kind === "beyond" ? "faint" : "warn";
  return h("span.skew", { class: tone, title: skewText(skew, duration) }, SKEW_MARKS[skew.kind]);
}

/** The bar of a span, with its events and log records, and what of it is on the critical path. @param {SpanNode} node @param {RowState} state */
function track(node, { zoom, tone, path }) {
  const { span, logs, start, end } = node;
  const offset = (/** @type {string} */ at) => Date.parse(at) - Date.parse(span?.startTime ?? at) + start;
  const marks = [
    ...(span?.events ?? []).map(({ timestamp }) => offset(timestamp)),
    ...logs.map(({ at }) => at),
  ];
  return h(
    "span.track",
    {},
    piece("span.bar", zoom, start, end, `${tone}${span?.isError ? " failed" : ""}`),
    path.map(({ from, to }) => piece("span.path", zoom, from, to, "")),
    // The first ones only, so that a span with many events stays cheap to draw.
    marks.slice(0, MAX_MARKS).map((at) => mark("span.event-mark", zoom, at, "")),
    outside(zoom, start, end),
  );
}

const MAX_MARKS = 50;

/** An arrow towards a span outside of the shown time. @param {Zoom} zoom @param {number} start @param {number} end */
function outside(zoom, start, end) {
  if (end < zoom.from) return h("span.outside.earlier", {}, "‹");
  return start > zoom.to ? h("span.outside.later", {}, "›") : null;
}

/** A part of a track, cut to the shown time; null outside of it. @param {"span.bar" | "span.path"} kind @param {Zoom} zoom @param {number} from @param {number} to @param {string} tone */
function piece(kind, zoom, from, to, tone) {
  if (to < zoom.from || from > zoom.to) return null;
  const left = Math.max(0, shareOf(zoom, from));
  const right = Math.min(1, shareOf(zoom, to));
  return h(kind, { class: tone, style: { left: percent(left), width: percent(right - left) } });
}

/** @param {string} kind @param {Zoom} zoom @param {number} at @param {string} tone */
function mark(kind, zoom, at, tone) {
  const share = shareOf(zoom, at);
  return share >= 0 && share <= 1 && h(kind, { class: tone, style: { left: percent(share) } });
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(3)}%`;

/** @param {Row} row @param {RowState} state */
function logRow(row, state) {
  const { log, at } = /** @type {import("../trace/tree.js").TimedLog} */ (row.log);
  const main = mainPart(
    state,
    "log-line",
    h(
      "span.span-name",
      {},
      h("span.pill.level", { class: levelTone(log.level) }, log.level),
      h("span.message", {}, log.message),
    ),
    h(
      "span.track",
      {},
      mark("span.log-mark", state.zoom, at, levelTone(log.level)),
      outside(state.zoom, at, at),
    ),
    h("span.bar-time", {}, `+${duration(at)}`),
  );
  return h("div.span-line", {}, main);
}

/** The key of the row of an element. @param {EventTarget | null} target */
export function keyOf(target) {
  const row = target instanceof Element ? target.closest("li.span") : null;
  return row instanceof HTMLElement ? (row.dataset.key ?? null) : null;
}

/** Whether a click ends the selection of a text within an element. @param {Element} element */
export function isSelecting(element) {
  const selected = getSelection();
  return selected !== null && !selected.isCollapsed && element.contains(selected.anchorNode);
}
