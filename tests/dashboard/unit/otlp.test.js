import { strict as assert } from "node:assert";
import { test } from "node:test";
import { nanoseconds, toOtlp } from "../../../dashboard/app/trace/otlp.js";
import { span, trace } from "./trace-samples.js";

const only = (value) => {
  assert.equal(value.length, 1);
  return value[0];
};
const spanOf = (fields, more) => {
  const { resourceSpans } = toOtlp(trace([span("00f067aa0ba902b7", null, 0, [0, 10], fields)], [], more));
  return only(only(only(resourceSpans).scopeSpans).spans);
};
const values = (list) => Object.fromEntries(list.map(({ key, value }) => [key, value]));

test("times have all nine decimals", () => {
  assert.equal(nanoseconds("2026-01-31T12:00:00.123456789Z"), 1769860800123456789n);
  assert.equal(nanoseconds("2026-01-31T12:00:00.5Z"), 1769860800500000000n);
  assert.equal(nanoseconds("2026-01-31T12:00:00Z"), 1769860800000000000n);
});

test("start, duration, kind and status are those of the span", () => {
  const sent = spanOf({
    startTime: "2026-01-31T12:00:00.000000001Z",
    durationMs: 1.5,
    kind: "server",
    outcome: "error",
    statusMessage: "no",
    parentSpanId: "b7ad6b7169203331",
    flags: 257,
    traceState: "a=b",
    clockSkewMs: 20,
  });
  assert.deepEqual(
    [sent.startTimeUnixNano, sent.endTimeUnixNano],
    ["1769860800000000001", "1769860800001500001"],
  );
  assert.deepEqual([sent.kind, sent.status], [2, { code: 2, message: "no" }]);
  assert.deepEqual([sent.parentSpanId, sent.flags, sent.traceState], ["b7ad6b7169203331", 257, "a=b"]);
});

test("a span without a duration has no end, and one without a kind is unspecified", () => {
  const sent = spanOf({ durationMs: null });
  assert.ok(!("endTimeUnixNano" in sent));
  assert.deepEqual([sent.kind, sent.status], [0, {}]);
});

test("values keep their types", () => {
  const sent = spanOf({ attributes: { s: "x", b: true, i: 3, d: 0.5, list: [1, "a"], map: { k: null } } });
  assert.deepEqual(values(sent.attributes), {
    s: { stringValue: "x" },
    b: { boolValue: true },
    i: { intValue: "3" },
    d: { doubleValue: 0.5 },
    list: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "a" }] } },
    map: { kvlistValue: { values: [{ key: "k", value: {} }] } },
  });
});

test("events, links and what was dropped are kept", () => {
  const sent = spanOf({
    events: [{ name: "e", timestamp: "2026-01-31T12:00:01Z", attributes: { a: 1 }, droppedAttributes: 2 }],
    links: [
      { traceId: "a".repeat(32), spanId: "b".repeat(16), attributes: {}, droppedAttributes: 0, flags: 1 },
    ],
    droppedAttributes: 3,
    droppedEvents: 4,
    droppedLinks: 5,
  });
  const event = only(sent.events);
  assert.deepEqual([event.timeUnixNano, event.droppedAttributesCount], ["1769860801000000000", 2]);
  assert.deepEqual([only(sent.links).traceId, only(sent.links).flags], ["a".repeat(32), 1]);
  const dropped = [sent.droppedAttributesCount, sent.droppedEventsCount, sent.droppedLinksCount];
  assert.deepEqual(dropped, [3, 4, 5]);
});

test("spans are grouped by resource and scope", () => {
  const scope = { name: "http", version: "1", attributes: { x: "y" }, droppedAttributes: 0 };
  const make = (id, service, more = {}) =>
    span(id, null, 0, [0, 10], { resource: { "service.name": service }, ...more });
  const spans = [
    make("1".repeat(16), "a", { scope, scopeSchemaUrl: "https://s" }),
    make("2".repeat(16), "b"),
    make("3".repeat(16), "a", { scope, scopeSchemaUrl: "https://s" }),
    make("4".repeat(16), "a"),
  ];
  const { resourceSpans } = toOtlp(trace(spans));
  const sizes = resourceSpans.map(({ scopeSpans }) => scopeSpans.map((group) => group.spans.length));
  assert.deepEqual(sizes, [[2, 1], [1]]);
  const [group] = resourceSpans[0].scopeSpans;
  assert.deepEqual([group.scope.name, group.scope.version, group.schemaUrl], ["http", "1", "https://s"]);
});

test("fields of the native protocol become attributes of the semantic conventions", () => {
  const fields = { service: "shop", method: "POST", url: "/checkout", status: 502 };
  const { resourceSpans } = toOtlp(trace([span("00f067aa0ba902b7", null, 0, [0, 10], fields)]));
  assert.deepEqual(values(resourceSpans[0].resource.attributes), { "service.name": { stringValue: "shop" } });
  assert.deepEqual(values(resourceSpans[0].scopeSpans[0].spans[0].attributes), {
    "http.request.method": { stringValue: "POST" },
    "url.path": { stringValue: "/checkout" },
    "http.response.status_code": { intValue: "502" },
  });
});

test("ids that are not OpenTelemetry's are replaced, the same for all spans, and kept as attributes", () => {
  const spans = [span("s1", null, 0, [0, 10]), span("s2", "s1", 1, [1, 2])];
  const { resourceSpans } = toOtlp(trace(spans, [], { traceId: "order/7" }));
  const [first, second] = resourceSpans[0].scopeSpans[0].spans;
  assert.match(first.traceId, /^[0-9a-f]{32}$/);
  assert.match(first.spanId, /^[0-9a-f]{16}$/);
  assert.deepEqual([second.traceId, second.parentSpanId], [first.traceId, first.spanId]);
  assert.notEqual(first.spanId, second.spanId);
  assert.deepEqual(values(first.attributes), {
    "upblit.trace_id": { stringValue: "order/7" },
    "upblit.span_id": { stringValue: "s1" },
  });
});
