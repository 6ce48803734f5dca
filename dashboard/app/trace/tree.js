// The spans and log records of a trace as a tree, and the rows of it that are shown.

/**
 * @import { LogRecord, Span, Trace } from "../../types/openapi"
 *
 * @typedef {object} SpanNode a span, or a parent that other spans name and the trace does not have
 * @property {string} key unique in the trace, and the same after a refresh
 * @property {Span | null} span null for a missing parent
 * @property {string} id of the span
 * @property {SpanNode | null} parent
 * @property {SpanNode[]} children in order of their start
 * @property {TimedLog[]} logs in order of their time
 * @property {number} depth
 * @property {number} start milliseconds since the start of the trace
 * @property {number} end the last end below, for a span without a duration
 * @property {number} last index of its last row, if everything is unfolded
 *
 * @typedef {{ log: LogRecord, at: number }} TimedLog a record, and milliseconds since the start of the trace
 * @typedef {{ key: string, node: SpanNode | null, log: TimedLog | null, depth: number }} Row a span or a log
 *   record. Without a node, the record belongs to no span of the trace
 * @typedef {{ nodes: SpanNode[], tops: SpanNode[], rows: Row[], totalMs: number }} Tree nodes and rows are depth
 *   first
 */

/** The tree of a trace. @param {Trace} trace @returns {Tree} */
export function treeOf(trace) {
  const all = nodesOf(trace.spans);
  const strays = addLogs(all, trace);
  const tops = withMissingParents(all);
  const { nodes, rows } = depthFirst(tops, strays);
  measure(nodes, rows);
  const totalMs = nodes.reduce((most, { end }) => Math.max(most, end), trace.durationMs ?? 0);
  return { nodes, tops, rows, totalMs: Math.max(0.001, totalMs) };
}

/**
 * One node for each span. The server lists the spans depth first and gives the depth alone, because ids do not say
 * which of two spans of one id is the parent.
 *
 * @param {Span[]} spans
 */
function nodesOf(spans) {
  /** @type {SpanNode[]} */
  const path = [];
  /** @type {Map<string, number>} */
  const seen = new Map();
  return spans.map((span) => {
    const key = `${span.spanId} ${span.kind ?? ""} ${span.service ?? ""}`;
    const times = seen.get(key) ?? 0;
    seen.set(key, times + 1);
    const node = nodeOf(times > 0 ? `${key} ${times}` : key, span.spanId, span);
    path.length = Math.min(path.length, span.depth);
    node.parent = path.at(-1) ?? null;
    node.parent?.children.push(node);
    path.push(node);
    return node;
  });
}

/** @param {string} key @param {string} id @param {Span | null} span @returns {SpanNode} */
function nodeOf(key, id, span) {
  const start = span?.startOffsetMs ?? 0;
  const end = start + (span?.durationMs ?? 0);
  return { key, span, id, parent: null, children: [], logs: [], depth: 0, start, end, last: 0 };
}

/** Adds log records to their spans, and returns those without one. @param {SpanNode[]} nodes @param {Trace} trace */
function addLogs(nodes, { logs, startTime }) {
  /** @type {Map<string, SpanNode>} */
  const byId = new Map();
  // A server and its client may have one id; the record is the server's.
  for (const node of nodes) if (!byId.has(node.id) || node.span?.kind === "server") byId.set(node.id, node);
  /** @type {TimedLog[]} */
  const strays = [];
  for (const log of logs) {
    const owner = byId.get(log.spanId ?? "");
    const at = offsetOf(log.timestamp, owner?.span ?? null, startTime);
    (owner?.logs ?? strays).push({ log, at });
  }
  for (const list of [strays, ...nodes.map((node) => node.logs)])
    if (list.length > 1) list.sort((a, b) => a.at - b.at);
  return strays;
}

/**
 * Milliseconds from the start of the trace to a time that the clock of a span has measured, corrected as the span is.
 *
 * @param {string} time
 * @param {Span | null} span
 * @param {string | null | undefined} startTime of the trace
 */
export function offsetOf(time, span, startTime) {
  const at = Date.parse(time);
  if (span) return at - Date.parse(span.startTime) + span.startOffsetMs;
  return at - Date.parse(startTime ?? time);
}

/**
 * The spans at the top. Those that name a parent that the trace does not have are below a node for it.
 *
 * @param {SpanNode[]} nodes
 */
function withMissingParents(nodes) {
  const ids = new Set(nodes.map(({ id }) => id));
  /** @type {Map<string, SpanNode>} */
  const missing = new Map();
  /** @type {SpanNode[]} */
  const tops = [];
  for (const node of nodes) {
    if (node.parent) continue;
    const id = node.span?.parentSpanId;
    if (!id || ids.has(id)) {
      tops.push(node);
      continue;
    }
    const known = missing.get(id);
    const parent = known ?? nodeOf(`missing ${id}`, id, null);
    if (!known) tops.push(parent);
    missing.set(id, parent);
    parent.children.push(node);
    node.parent = parent;
  }
  return tops;
}

/** All nodes and rows depth first. Not recursive, because chains may be long. @param {SpanNode[]} tops @param {TimedLog[]} strays */
function depthFirst(tops, strays) {
  /** @type {SpanNode[]} */
  const nodes = [];
  /** @type {Row[]} */
  const rows = [];
  /** @type {{ node: SpanNode | null, log: TimedLog | null }[]} */
  const open = [...tops.map((node) => ({ node, log: null })), ...strays.map((log) => ({ node: null, log }))];
  open.reverse();
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, log } = next;
    if (node && !log) {
      node.depth = node.parent ? node.parent.depth + 1 : 0;
      nodes.push(node);
      rows.push({ key: node.key, node, log: null, depth: node.depth });
      if (node.children.length + node.logs.length > 0)
        for (const below of belowOf(node).reverse()) open.push(below);
    } else if (log) {
      const place = (node?.logs ?? strays).indexOf(log);
      const depth = node ? node.depth + 1 : 0;
      rows.push({ key: `log ${place} ${node?.key ?? ""}`, node, log, depth });
    }
  }
  return { nodes, rows };
}

/** Children and log records of a node in order of time. @param {SpanNode} node */
function belowOf(node) {
  const children = node.children.map((child) => ({ node: child, log: null, at: child.start }));
  if (node.logs.length === 0) return children;
  const logs = node.logs.map((log) => ({ node, log, at: log.at }));
  return [...children, ...logs].sort((a, b) => a.at - b.at);
}

/** Completes ends and last rows, from the leaves up. @param {SpanNode[]} nodes @param {Row[]} rows */
function measure(nodes, rows) {
  rows.forEach(({ node }, index) => {
    if (node) node.last = Math.max(node.last, index);
  });
  for (const node of nodes.toReversed()) {
    if (!node.span) {
      node.start = Infinity;
      for (const { start } of node.children) node.start = Math.min(node.start, start);
    }
    if (node.span?.durationMs == null)
      for (const { end } of node.children) node.end = Math.max(node.end, end);
    if (node.parent) node.parent.last = Math.max(node.parent.last, node.last);
  }
}

/**
 * The rows that are shown: without those below folded spans.
 *
 * @param {Tree} tree
 * @param {ReadonlySet<string>} folded keys of folded spans
 * @param {boolean} hasLogs whether log records are shown
 */
export function shownRows(tree, folded, hasLogs) {
  /** @type {Row[]} */
  const shown = [];
  for (let index = 0; index < tree.rows.length; index += 1) {
    const row = tree.rows[index];
    if (row.log && !hasLogs) continue;
    shown.push(row);
    if (!row.log && row.node && folded.has(row.key)) index = row.node.last;
  }
  return shown;
}

/** Keys of all spans that can be folded. @param {Tree} tree */
export const foldable = (tree) =>
  tree.nodes.filter(({ children, logs }) => children.length + logs.length > 0).map(({ key }) => key);

/** The spans above a node, from its parent up. @param {SpanNode} node */
export function ancestors(node) {
  const above = [];
  for (let next = node.parent; next; next = next.parent) above.push(next);
  return above;
}
