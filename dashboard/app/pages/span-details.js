import { h } from "../dom.js";
import { clockMs, duration, plural } from "../format.js";
import { copyIcon } from "../ui/copy-button.js";
import { attributeList, sorted } from "./attributes.js";
import { remarks, scopeText, shown } from "./remarks.js";
import { logLine } from "./log-line.js";

/**
 * @import { Span, SpanEvent, SpanLink, Trace } from "../../types/openapi"
 * @import { FilterHref } from "./attributes.js"
 * @typedef {{ traces: FilterHref, logs: FilterHref }} FilterHrefs addresses of the lists with one filter
 */

/** All fields of a span, with its logs. @param {Span} span @param {Trace} trace @param {FilterHrefs} hrefs */
export function spanDetails(span, trace, hrefs) {
  const logs = trace.logs.filter(({ spanId }) => spanId === span.spanId);
  return [
    span.statusMessage && h("p.span-error", {}, span.statusMessage),
    h(
      "div.columns",
      {},
      attributeList("Span", known(span)),
      attributeList("Attributes", sorted(span.attributes), hrefs.traces),
      attributeList("Resource", sorted(span.resource), hrefs.traces),
    ),
    remarks(span),
    span.events.length > 0 &&
      h("section.attributes", {}, h("h2", {}, "Events"), h("ul.events", {}, span.events.map(event))),
    span.links.length > 0 &&
      h("section.attributes", {}, h("h2", {}, "Links"), h("ul.events", {}, span.links.map(link))),
    logs.length > 0 &&
      h(
        "section.attributes",
        {},
        h("h2", {}, "Logs"),
        h(
          "ol.rows.logs.framed",
          {},
          logs.map((log) => h("li", {}, logLine(log, { filterHref: hrefs.logs }))),
        ),
      ),
  ];
}

/** @param {Span} span */
const known = (span) => ({
  kind: span.kind,
  method: span.method,
  url: span.url,
  status: span.status,
  start: `${clockMs(span.startTime)}  (+${duration(span.startOffsetMs)})`,
  "clock skew": span.clockSkewMs == null ? null : `${duration(span.clockSkewMs)} behind`,
  duration: span.durationMs == null ? null : duration(span.durationMs),
  "span id": span.spanId,
  parent: span.parentSpanId,
  outcome: span.outcome,
  scope: scopeText(span.scope),
  "scope attributes": shown(span.scope?.attributes),
  "trace state": span.traceState,
  flags: span.flags,
  schema: span.scopeSchemaUrl,
  "resource schema": span.resourceSchemaUrl,
  "dropped by the SDK": droppedText(span),
});

/** What the SDK dropped before it sent the span. @param {Span} span */
const droppedText = ({ droppedAttributes, droppedEvents, droppedLinks }) =>
  [
    droppedAttributes > 0 && plural(droppedAttributes, "attribute"),
    droppedEvents > 0 && plural(droppedEvents, "event"),
    droppedLinks > 0 && plural(droppedLinks, "link"),
  ]
    .filter(Boolean)
    .join(", ");

/** @param {SpanEvent} event */
const event = ({ name, timestamp, attributes }) =>
  h(
    "li",
    {},
    h(
      "p",
      {},
      h("time.at", { datetime: timestamp, title: timestamp }, clockMs(timestamp)),
      " ",
      h("b", {}, name),
    ),
    attributeList("", attributes),
  );

/** @param {string} traceId @param {string} spanId */
const linkedIds = (traceId, spanId) =>
  h(
    "p",
    {},
    h("code", {}, traceId),
    copyIcon(() => traceId, "trace id"),
    " / ",
    h("code", {}, spanId),
    copyIcon(() => spanId, "span id"),
  );

/** Shows ids without a link, as the linked trace may belong to another application. @param {SpanLink} link */
const link = ({ traceId, spanId, attributes }) =>
  h("li", {}, linkedIds(traceId, spanId), attributeList("", attributes));
