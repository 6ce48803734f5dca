// Shows how an event differs from what was sent, and the instrumentation that sent it.

import { h } from "../dom.js";
import { bytes } from "../format.js";

/**
 * @import { InstrumentationScope, LogRecord, Span } from "../../types/openapi"
 */

/** @type {Record<string, string>} */
const NOTES = {
  "end-before-start": "The span was sent with an end before its start; its duration is 0.",
  scrubbed: "Passwords, tokens, cookies or card numbers were removed before it was stored.",
  "time-of-receipt": "The record was sent without a time; the time is that of receipt.",
};

/** Lists notes, and parts that were cut; null if there are none. @param {Span | LogRecord} event */
export function remarks({ truncated, notes }) {
  if (truncated.length === 0 && notes.length === 0) return null;
  return h(
    "section.attributes",
    {},
    h("h2", {}, "Remarks"),
    h(
      "ul.remarks.warn-text",
      {},
      notes.map((note) => h("li", {}, NOTES[note] ?? note)),
      truncated.map((cut) =>
        h("li", {}, h("code", {}, cut.field || "the event"), ` was cut; it had ${bytes(cut.bytes)}.`),
      ),
    ),
  );
}

/** Name and version of an instrumentation scope. @param {InstrumentationScope | null | undefined} scope */
export const scopeText = (scope) => scope && [scope.name, scope.version].filter(Boolean).join(" ");

/**
 * Returns an object as text; null if it is empty.
 *
 * @param {Record<string, unknown> | null | undefined} values
 */
export const shown = (values) => (values && Object.keys(values).length > 0 ? JSON.stringify(values) : null);
