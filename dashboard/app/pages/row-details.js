// What is below an open row of the waterfall.

import { h } from "../dom.js";
import { duration, percent } from "../format.js";
import { lengthOf } from "../trace/critical-path.js";
import { skewOf, skewText } from "../trace/skew.js";
import { copyIcon } from "../ui/copy-button.js";
import { logDetails } from "./log-line.js";
import { spanDetails } from "./span-details.js";

/**
 * @import { Trace } from "../../types/openapi"
 * @import { Section } from "../trace/critical-path.js"
 * @import { Row, SpanNode } from "../trace/tree.js"
 * @import { FilterHrefs } from "./span-details.js"
 * @typedef {{ trace: Trace, hrefs: FilterHrefs, path: Section[] | undefined, totalMs: number }} Context
 * @typedef {{ state: string, element: HTMLElement }} Details
 */

/**
 * All fields of a span or log record, or what a missing span means. What was shown before stays if nothing has
 * changed, so that focus and selection stay too.
 *
 * @param {Row} row
 * @param {Context} context
 * @param {Details} [before]
 * @returns {Details}
 */
export function rowDetails(row, context, before) {
  const { node, log } = row;
  const shown = [log?.log ?? node?.span, node?.logs.length, node?.parent?.key, lengthOf(context.path)];
  const state = JSON.stringify([shown, context.totalMs]);
  return before?.state === state ? before : { state, element: made(row, context) };
}

/** @param {Row} row @param {Context} context */
function made({ node, log }, context) {
  if (log) return h("div.span-details", {}, logDetails(log.log, { filterHref: context.hrefs.logs }));
  const { span, id } = /** @type {SpanNode} */ (node);
  if (!span) return h("div.span-details", {}, missing(id));
  return h(
    "div.span-details",
    {},
    notes(/** @type {SpanNode} */ (node), context),
    spanDetails(span, context.trace, context.hrefs),
  );
}

/** @param {SpanNode} node @param {Context} context */
function notes(node, { path, totalMs }) {
  const skew = skewOf(node);
  const waited = lengthOf(path);
  return [
    skew && h("p.notice", {}, skewText(skew, duration)),
    waited > 0 &&
      h(
        "p.soft",
        {},
        `On the critical path for ${duration(waited)}, ${percent(waited, totalMs)} of the trace.`,
      ),
  ];
}

/** @param {string} id */
const missing = (id) => [
  h(
    "p",
    {},
    "The spans below name this parent, which the trace does not have. It belongs to another application, was not sampled, or has not arrived yet.",
  ),
  h(
    "p",
    {},
    "Span id ",
    h("code", {}, id),
    " ",
    copyIcon(() => id, "span id"),
  ),
];
