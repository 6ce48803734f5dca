// Joins the parts of a trace, which the server returns one after the other.

/** @import { LogRecord, Span, Trace } from "../../types/openapi" */

/**
 * The trace that these parts have in common. Its times are those of the last part, which knows all
 * others. `null` while no span was found.
 *
 * @param {Trace[]} parts
 * @returns {Trace | null}
 */
export function joined(parts) {
  const withSpans = parts.filter(({ spans }) => spans.length > 0);
  if (withSpans.length === 0) return null;
  const bounds = withSpans.map(({ startTime, durationMs }) => {
    const from = Date.parse(startTime ?? "");
    return { from, to: from + durationMs };
  });
  const from = Math.min(...bounds.map((part) => part.from));
  const to = Math.max(...bounds.map((part) => part.to));
  const [first] = withSpans;
  if (withSpans.length === 1 && parts.every(({ logs }) => logs === first.logs || logs.length === 0)) {
    return first;
  }
  const spans = tree(distinct(withSpans, from));
  return {
    ...first,
    startTime: new Date(from).toISOString(),
    durationMs: to - from,
    spanCount: spans.length,
    errorCount: spans.filter(({ isError }) => isError).length,
    services: [...new Set(parts.flatMap(({ services }) => services))],
    isTruncated: parts[parts.length - 1].isTruncated,
    spans,
    logs: parts.flatMap(({ logs }) => logs).sort(byTime),
    gaps: [...new Map(parts.flatMap(({ gaps }) => gaps).map((gap) => [gap.from, gap])).values()],
  };
}

/**
 * Differs after every change of a trace. Spans and log records are never changed once stored, so their numbers and
 * sums suffice; comparing all their fields would block the page.
 *
 * @param {Trace} trace
 */
export function signatureOf({ traceId, startTime, durationMs, errorCount, spans, logs, gaps, isTruncated }) {
  let durations = 0;
  let offsets = 0;
  let depths = 0;
  for (const span of spans) {
    durations += span.durationMs ?? 0;
    offsets += span.startOffsetMs;
    depths += span.depth;
  }
  const sums = [spans.length, logs.length, durations, offsets, depths];
  return JSON.stringify([traceId, startTime, durationMs, errorCount, sums, gaps, isTruncated]);
}

/** @param {LogRecord} a @param {LogRecord} b */
const byTime = (a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp);

/** Each span once, with its offset from the start of the trace. @param {Trace[]} parts @param {number} from */
function distinct(parts, from) {
  /** @type {Map<string, Span>} */
  const spans = new Map();
  for (const part of parts) {
    const later = Date.parse(part.startTime ?? "") - from;
    for (const span of part.spans) {
      const key = `${span.spanId} ${span.kind ?? ""} ${span.service ?? ""}`;
      const known = spans.get(key);
      if (known && (known.durationMs ?? -1) >= (span.durationMs ?? -1)) continue;
      spans.set(key, later === 0 ? span : { ...span, startOffsetMs: span.startOffsetMs + later });
    }
  }
  return [...spans.values()];
}

/** The spans depth first. Not recursive, because chains may be long. @param {Span[]} spans */
function tree(spans) {
  const sorted = spans.toSorted((a, b) => a.startOffsetMs - b.startOffsetMs);
  const clients = new Map(sorted.filter(({ kind }) => kind === "client").map((span) => [span.spanId, span]));
  const byId = new Map(sorted.map((span) => [span.spanId, span]));
  for (const span of sorted) if (span.kind !== "client") byId.set(span.spanId, span);
  const parentOf = (/** @type {Span} */ span) =>
    (span.kind === "server" && clients.get(span.spanId)) || byId.get(span.parentSpanId ?? "");
  /** @type {Map<Span | undefined, Span[]>} */
  const below = new Map();
  for (const span of sorted) {
    const parent = parentOf(span);
    const siblings = below.get(parent);
    if (siblings) siblings.push(span);
    else below.set(parent, [span]);
  }
  /** @type {Map<Span, Span>} */
  const placed = new Map();
  // Spans that no top span reaches form cycles; each starts at its first span.
  for (const top of [...(below.get(undefined) ?? []), ...sorted]) {
    const stack = [{ span: top, depth: 0 }];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { span, depth } = next;
      if (placed.has(span)) continue;
      placed.set(span, span.depth === depth ? span : { ...span, depth });
      // Pushed one by one, because a call takes only so many arguments.
      for (const child of below.get(span)?.toReversed() ?? []) stack.push({ span: child, depth: depth + 1 });
    }
  }
  return [...placed.values()];
}
