// A trace in OpenTelemetry's JSON encoding, as `POST /v1/traces` accepts it.

/**
 * @import { InstrumentationScope, Span, SpanEvent, SpanLink, Trace } from "../../types/openapi"
 *
 * @typedef {{ stringValue: string } | { boolValue: boolean } | { intValue: string } | { doubleValue: number | string }
 *   | { arrayValue: { values: AnyValue[] } } | { kvlistValue: { values: KeyValue[] } } | {}} AnyValue
 * @typedef {{ key: string, value: AnyValue }} KeyValue
 */

/** @type {Record<string, number>} */
const KINDS = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };

/** @type {Record<string, number>} */
const STATUS_CODES = { ok: 1, error: 2 };

/**
 * The trace as `ExportTraceServiceRequest`. Spans of the native protocol get attributes of the semantic conventions,
 * and ids that are not OpenTelemetry's are replaced by ids that are computed from them.
 *
 * @param {Trace} trace
 */
export function toOtlp(trace) {
  /** @type {Map<string, Map<string, Span[]>>} */
  const groups = new Map();
  for (const span of trace.spans) {
    const resource = JSON.stringify([
      resourceOf(span),
      span.resourceSchemaUrl,
      span.resourceDroppedAttributes,
    ]);
    const scope = JSON.stringify([span.scope, span.scopeSchemaUrl]);
    const scopes = groups.get(resource) ?? new Map();
    groups.set(resource, scopes);
    const spans = scopes.get(scope);
    if (spans) spans.push(span);
    else scopes.set(scope, [span]);
  }
  return {
    resourceSpans: [...groups.values()].map((scopes) => {
      const [[first]] = scopes.values();
      return {
        resource: {
          attributes: keyValues(resourceOf(first)),
          ...number("droppedAttributesCount", first.resourceDroppedAttributes),
        },
        scopeSpans: [...scopes.values()].map((spans) => scopeSpans(spans, trace.traceId)),
        ...text("schemaUrl", first.resourceSchemaUrl),
      };
    }),
  };
}

/** Attributes of the resource; those of a span of the native protocol are made from its service. @param {Span} span */
const resourceOf = ({ resource, service, attributes }) =>
  resource ?? (service && attributes["service.name"] === undefined ? { "service.name": service } : {});

/** @param {Span[]} spans of one scope @param {string} traceId */
const scopeSpans = (spans, traceId) => ({
  ...(spans[0].scope ? { scope: scopeOf(spans[0].scope) } : {}),
  spans: spans.map((span) => spanOf(span, traceId)),
  ...text("schemaUrl", spans[0].scopeSchemaUrl),
});

/** @param {InstrumentationScope} scope */
const scopeOf = ({ name, version, attributes, droppedAttributes }) => ({
  name,
  ...text("version", version),
  ...(attributes && Object.keys(attributes).length > 0 ? { attributes: keyValues(attributes) } : {}),
  ...number("droppedAttributesCount", droppedAttributes),
});

/** @param {Span} span @param {string} traceId */
function spanOf(span, traceId) {
  const start = nanoseconds(span.startTime);
  const end = span.durationMs == null ? null : start + BigInt(Math.round(span.durationMs * 1e6));
  return {
    traceId: hexId(traceId, 32),
    spanId: hexId(span.spanId, 16),
    ...(span.parentSpanId ? { parentSpanId: hexId(span.parentSpanId, 16) } : {}),
    ...text("traceState", span.traceState),
    ...number("flags", span.flags),
    name: span.name,
    kind: KINDS[span.kind ?? ""] ?? 0,
    startTimeUnixNano: String(start),
    ...(end === null ? {} : { endTimeUnixNano: String(end) }),
    attributes: keyValues({ ...conventions(span), ...span.attributes, ...originalIds(span, traceId) }),
    ...number("droppedAttributesCount", span.droppedAttributes),
    events: span.events.map(eventOf),
    ...number("droppedEventsCount", span.droppedEvents),
    links: span.links.map(linkOf),
    ...number("droppedLinksCount", span.droppedLinks),
    status: {
      ...number("code", STATUS_CODES[span.outcome ?? ""]),
      ...text("message", span.statusMessage),
    },
  };
}

/** @param {SpanEvent} event */
const eventOf = ({ name, timestamp, attributes, droppedAttributes }) => ({
  timeUnixNano: String(nanoseconds(timestamp)),
  name,
  attributes: keyValues(attributes),
  ...number("droppedAttributesCount", droppedAttributes),
});

/** @param {SpanLink} link */
const linkOf = ({ traceId, spanId, attributes, traceState, flags, droppedAttributes }) => ({
  traceId: hexId(traceId, 32),
  spanId: hexId(spanId, 16),
  ...text("traceState", traceState),
  attributes: keyValues(attributes),
  ...number("droppedAttributesCount", droppedAttributes),
  ...number("flags", flags),
});

/**
 * Attributes for the fields of a span of the native protocol. Those of OpenTelemetry are read from attributes, which
 * the span has already.
 *
 * @param {Span} span
 */
function conventions({ resource, method, url, status }) {
  if (resource) return {};
  const address = url == null ? {} : { [/^https?:/i.test(url) ? "url.full" : "url.path"]: url };
  return {
    ...(method == null ? {} : { "http.request.method": method }),
    ...address,
    ...(status == null ? {} : { "http.response.status_code": status }),
  };
}

/** Ids that had to be replaced, as attributes. @param {Span} span @param {string} traceId */
const originalIds = ({ spanId }, traceId) => ({
  ...(isHex(traceId, 32) ? {} : { "upblit.trace_id": traceId }),
  ...(isHex(spanId, 16) ? {} : { "upblit.span_id": spanId }),
});

/** @param {string} name @param {string | null | undefined} value */
const text = (name, value) => (value ? { [name]: value } : {});

/** @param {string} name @param {number | null | undefined} value */
const number = (name, value) => (value ? { [name]: value } : {});

/** @param {string} id @param {number} digits */
const isHex = (id, digits) => id.length === digits && /^[0-9a-f]+$/i.test(id) && !/^0+$/.test(id);

/** An id of OpenTelemetry. Another text is replaced by its hash, which is the same for all spans. @param {string} id @param {number} digits */
function hexId(id, digits) {
  if (isHex(id, digits)) return id.toLowerCase();
  let hex = "";
  for (let part = 0; hex.length < digits; part += 1) hex += fnv1a(`${part}/${id}`);
  return hex;
}

/** The hash FNV-1a of 32 bits, in hexadecimal. @param {string} text */
function fnv1a(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Nanoseconds since 1970 of a time in RFC 3339, which may have nine decimals. @param {string} time */
export function nanoseconds(time) {
  const decimals = /\.(\d+)/.exec(time)?.[1] ?? "";
  const seconds = BigInt(Math.floor(Date.parse(time.replace(/\.\d+/, "")) / 1_000));
  return seconds * 1_000_000_000n + BigInt(decimals.padEnd(9, "0").slice(0, 9));
}

/** @param {Record<string, unknown> | null | undefined} values @returns {KeyValue[]} */
const keyValues = (values) =>
  Object.entries(values ?? {}).map(([key, value]) => ({ key, value: anyValue(value) }));

/** A value in OpenTelemetry's form. Numbers without decimals are integers, as JSON does not say more. @param {unknown} value @returns {AnyValue} */
function anyValue(value) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  if (value === null || typeof value !== "object") return {};
  return { kvlistValue: { values: keyValues(/** @type {Record<string, unknown>} */ (value)) } };
}
