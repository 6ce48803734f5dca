// Traces for unit tests, as the API returns them.

export const START = Date.parse("2026-01-31T12:00:00Z");

/** A span at `[from, to]` milliseconds after the start of its trace. */
export const span = (spanId, parentSpanId, depth, [from, to], more = {}) => ({
  spanId,
  parentSpanId,
  depth,
  name: spanId,
  startOffsetMs: from,
  startTime: new Date(START + from).toISOString(),
  durationMs: to === null ? null : to - from,
  kind: null,
  service: null,
  isError: false,
  clockSkewMs: null,
  attributes: {},
  resource: null,
  scope: null,
  events: [],
  links: [],
  droppedAttributes: 0,
  droppedEvents: 0,
  droppedLinks: 0,
  resourceDroppedAttributes: 0,
  ...more,
});

export const log = (spanId, ms, message, more = {}) => ({
  spanId,
  message,
  level: "info",
  timestamp: new Date(START + ms).toISOString(),
  attributes: {},
  ...more,
});

export const trace = (spans, logs = [], more = {}) => ({
  traceId: "0af7651916cd43dd8448eb211c80319c",
  startTime: new Date(START).toISOString(),
  durationMs: 100,
  spans,
  logs,
  ...more,
});
