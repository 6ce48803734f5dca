// The spans that determine how long a request took.

/**
 * @import { SpanNode, Tree } from "./tree.js"
 * @typedef {{ node: SpanNode, from: number, to: number }} Section time in which a span was what was waited for
 */

/**
 * The critical path of a trace: for each moment of its request, the deepest span that was waited for. Making one of
 * these sections shorter makes the request shorter.
 *
 * It is followed from the end of the root back to its start. Of concurrent spans, the one that ends last was waited
 * for; before its start, the one that ended last before. What starts after its parent's end, or goes on
 * after it, was not waited for; such a span counts up to the end of its parent.
 *
 * @param {Tree} tree
 * @returns {Section[]} in order of time; their lengths add up to the duration of the root
 */
export function criticalPath({ tops }) {
  const root = rootOf(tops);
  if (!root) return [];
  /** @type {Section[]} */
  const sections = [];
  // Not recursive, because chains may be long.
  const open = [{ node: root, from: root.start, to: root.end }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { own, waited } = split(next);
    sections.push(...own);
    open.push(...waited);
  }
  return sections.sort((a, b) => a.from - b.from);
}

/** The span at which a request enters: the one without a parent, or the longest at the top. @param {SpanNode[]} tops */
function rootOf(tops) {
  const spans = tops.flatMap((top) => (top.span ? [top] : top.children));
  const roots = spans.filter(({ span }) => !span?.parentSpanId);
  return longest(roots) ?? longest(spans);
}

/** @param {SpanNode[]} nodes @returns {SpanNode | null} */
const longest = (nodes) =>
  nodes.reduce(
    (/** @type {SpanNode | null} */ found, node) =>
      found && found.end - found.start >= node.end - node.start ? found : node,
    null,
  );

/**
 * Divides the time of a span among its children that were waited for and itself.
 *
 * @param {Section} section
 */
function split({ node, from, to }) {
  /** @type {Section[]} */
  const own = [];
  /** @type {Section[]} */
  const waited = [];
  let cursor = to;
  const within = node.children
    .map((child) => ({ node: child, from: Math.max(from, child.start), to: Math.min(to, child.end) }))
    .filter((child) => child.from < child.to)
    .sort((a, b) => b.to - a.to || a.from - b.from);
  for (const child of within) {
    if (child.to > cursor) continue;
    if (child.to < cursor) own.push({ node, from: child.to, to: cursor });
    waited.push(child);
    cursor = child.from;
  }
  if (from < cursor) own.push({ node, from, to: cursor });
  return { own, waited };
}

/** The sections of each span, by its key. @param {Section[]} sections */
export function sectionsByKey(sections) {
  /** @type {Map<string, Section[]>} */
  const byKey = new Map();
  for (const section of sections) {
    const known = byKey.get(section.node.key);
    if (known) known.push(section);
    else byKey.set(section.node.key, [section]);
  }
  return byKey;
}

/** Milliseconds in which a span was what was waited for. @param {Section[] | undefined} sections */
export const lengthOf = (sections) => (sections ?? []).reduce((sum, { from, to }) => sum + to - from, 0);
