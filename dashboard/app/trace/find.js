// The search within a trace, and the next failure.

/**
 * @import { LogRecord, Span } from "../../types/openapi"
 * @import { Row } from "./tree.js"
 */

/** Texts by which rows are found, made once each. @type {WeakMap<Row, string>} */
const TEXTS = new WeakMap();

/** What a row is found by, in lower case. @param {Row} row */
function textOf(row) {
  const known = TEXTS.get(row);
  if (known !== undefined) return known;
  const parts = row.log ? logParts(row.log.log) : row.node?.span ? spanParts(row.node.span) : [row.node?.id];
  const text = parts
    .filter((part) => part !== null && part !== undefined)
    .join("\n")
    .toLowerCase();
  TEXTS.set(row, text);
  return text;
}

/** @param {Span} span */
const spanParts = (span) => [
  span.name,
  span.service,
  span.spanId,
  span.url,
  span.statusMessage,
  ...values(span.attributes),
  ...values(span.resource),
  ...span.events.flatMap(({ name, attributes }) => [name, ...values(attributes)]),
];

/** @param {LogRecord} log */
const logParts = (log) => [log.message, log.type, log.service, ...values(log.attributes)];

/** Attributes as `name=value`. @param {Record<string, unknown> | null | undefined} attributes */
const values = (attributes) =>
  Object.entries(attributes ?? {}).map(
    ([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`,
  );

/** The words of a search. @param {string} question */
export const wordsOf = (question) => question.toLowerCase().split(/\s+/).filter(Boolean);

/**
 * Positions of the rows in which all words of a search occur: in the name, service, id, message or
 * attributes. None for an empty search.
 *
 * @param {Row[]} rows
 * @param {string} question
 */
export function matches(rows, question) {
  const words = wordsOf(question);
  /** @type {number[]} */
  const found = [];
  if (words.length === 0) return found;
  rows.forEach((row, index) => {
    const text = textOf(row);
    if (words.every((word) => text.includes(word))) found.push(index);
  });
  return found;
}

/** Positions of the failed spans. @param {Row[]} rows */
export const failures = (rows) =>
  rows.flatMap((row, index) => (!row.log && row.node?.span?.isError ? [index] : []));

/**
 * The place in a sorted list of positions that follows a position, or is before it, going around at the ends; -1 if
 * the list is empty.
 *
 * @param {number[]} positions
 * @param {number} current -1 for none
 * @param {1 | -1} direction
 */
export function following(positions, current, direction) {
  if (positions.length === 0) return -1;
  if (direction === 1) {
    const next = positions.findIndex((position) => position > current);
    return next === -1 ? 0 : next;
  }
  const previous = positions.findLastIndex((position) => position < current);
  return previous === -1 ? positions.length - 1 : previous;
}
