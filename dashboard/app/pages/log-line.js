import { fill, h } from "../dom.js";
import { clockMs, otherDay } from "../format.js";
import { attributeList, sorted } from "./attributes.js";
import { remarks, scopeText, shown } from "./remarks.js";

/**
 * @import { LogRecord } from "../../types/openapi"
 * @import { FilterHref } from "./attributes.js"
 * @typedef {{ traceHref?: string | null, aroundHref?: string, filterHref?: FilterHref }} LogHrefs addresses of the trace, of the lines around this one, and of the filtered list
 */

/** @type {Record<string, string>} */
const TONES = { fatal: "error", error: "error", warn: "warn", warning: "warn" };

/** Returns the CSS class of a log level; empty for unknown levels. @param {string} level */
export const levelTone = (level) =>
  Object.hasOwn(TONES, level.toLowerCase()) ? TONES[level.toLowerCase()] : "";

/**
 * A log line that opens to show all fields.
 *
 * @param {LogRecord} log
 * @param {LogHrefs} [hrefs]
 */
export function logLine(log, hrefs = {}) {
  const more = h("div.log-more");
  const element = h(
    "details.log",
    {},
    h(
      "summary.row.log-row",
      {},
      h(
        "time.at",
        { datetime: log.timestamp },
        h("span.day", {}, otherDay(log.timestamp)),
        " ",
        clockMs(log.timestamp),
      ),
      h("span.pill.level", { class: levelTone(log.level), title: log.severityText ?? log.level }, log.level),
      h("span.message", {}, log.message, log.truncated.length > 0 && h("span.warn-text.small", {}, " cut")),
      h("span.service", {}, log.service ?? log.type ?? ""),
    ),
    more,
  );
  // Rendered on demand, as most lines are never opened.
  element.addEventListener("toggle", () => {
    if (element.open && !more.firstChild) fill(more, logDetails(log, hrefs));
  });
  return element;
}

/** All fields of a log record. @param {LogRecord} log @param {LogHrefs} hrefs */
export function logDetails(log, { traceHref, aroundHref, filterHref }) {
  const known = {
    message: log.message,
    type: log.type,
    severity: [log.severityText, log.severityNumber].filter((part) => part != null).join(", "),
    time: log.timestamp,
    "observed time": log.observedTime,
    traceId: log.traceId,
    spanId: log.spanId,
    scope: scopeText(log.scope),
    "scope attributes": shown(log.scope?.attributes),
    flags: log.flags,
    schema: log.scopeSchemaUrl,
    "resource schema": log.resourceSchemaUrl,
    "attributes dropped by the SDK": log.droppedAttributes || null,
  };
  return [
    (traceHref || aroundHref) &&
      h(
        "p.actions",
        {},
        traceHref && h("a.button.small", { href: traceHref }, "Open the trace"),
        aroundHref && h("a.button.small", { href: aroundHref }, "Logs around this moment"),
      ),
    attributeList("", known),
    attributeList("Attributes", sorted(log.attributes), filterHref),
    attributeList("Resource", sorted(log.resource), filterHref),
    remarks(log),
  ];
}
