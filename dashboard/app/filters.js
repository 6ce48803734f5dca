// Filters by service, operation and attribute, as the address and the API have them.

/** @typedef {{ service: string, name: string, attr: string[] }} Filters empty for none */

/** Largest number of attributes that the API takes. */
const MOST_ATTRIBUTES = 8;

/**
 * Returns the trace id that a text is, in the form of OpenTelemetry; null if it is none.
 *
 * @param {string} text
 */
export function traceIdIn(text) {
  const id = text.trim();
  return /^[0-9a-f]{32}$/i.test(id) && /[^0]/.test(id) ? id : null;
}

/** Returns the filters in an address. @param {URLSearchParams} query @returns {Filters} */
export const filtersOf = (query) => ({
  service: query.get("service") ?? "",
  name: query.get("name") ?? "",
  attr: query.getAll("attr").slice(0, MOST_ATTRIBUTES),
});

/**
 * Returns an attribute as the API takes it: a backslash precedes each colon or backslash in the key.
 *
 * @param {string} key
 * @param {string} value
 */
export const attribute = (key, value) => `${key.replace(/[\\:]/g, "\\$&")}:${value}`;

/**
 * Returns key and value of an attribute; null if the text is not one.
 *
 * @param {string} text
 * @returns {[string, string] | null}
 */
export function keyAndValue(text) {
  const key = /^(?:[^:\\]|\\[:\\])+(?=:)/.exec(text)?.[0];
  if (!key) return null;
  return [key.replace(/\\([:\\])/g, "$1"), text.slice(key.length + 1)];
}

/**
 * Returns the change that adds a typed filter: `service:shop`, `name:GET /cart` or `attribute:value`. Null if
 * the text is not a filter, or there would be too many.
 *
 * @param {Filters} filters
 * @param {string} text
 * @param {boolean} hasNames whether the events have names
 * @returns {Partial<Filters> | null}
 */
export function withTyped(filters, text, hasNames) {
  const pair = keyAndValue(text.trim());
  if (!pair) return null;
  const [key, value] = pair;
  if (key === "service" && value) return { service: value };
  if (key === "name" && value && hasNames) return { name: value };
  return withAttribute(filters, text.trim());
}

/**
 * Returns the change that adds an attribute; null if there would be too many.
 *
 * @param {Filters} filters
 * @param {string} text
 * @returns {Partial<Filters> | null}
 */
export function withAttribute({ attr }, text) {
  if (attr.includes(text)) return { attr };
  return attr.length < MOST_ATTRIBUTES ? { attr: [...attr, text] } : null;
}

/**
 * Returns the filters that are set, each with the change that removes it.
 *
 * @param {Filters} filters
 * @returns {{ key: string, value: string, without: Partial<Filters> }[]}
 */
export function chipsOf({ service, name, attr }) {
  const attributes = attr.map((text) => {
    const [key, value] = keyAndValue(text) ?? ["", text];
    return { key, value, without: { attr: attr.filter((other) => other !== text) } };
  });
  return [
    ...(service ? [{ key: "service", value: service, without: { service: "" } }] : []),
    ...(name ? [{ key: "name", value: name, without: { name: "" } }] : []),
    ...attributes,
  ];
}

/**
 * Returns suggestions for typed filters, from the fields that the API lists.
 *
 * @param {import("../types/openapi").Fields} fields
 * @param {boolean} hasNames
 * @returns {string[]}
 */
export function suggestionsOf({ services, operations, attributes }, hasNames) {
  const reserved = new Set(hasNames ? ["service", "name"] : ["service"]);
  return [
    ...services.map((service) => `service:${service}`),
    ...(hasNames ? operations.map((name) => `name:${name}`) : []),
    ...attributes
      .filter(({ name }) => !reserved.has(name))
      .flatMap(({ name, values }) => values.map(({ value }) => attribute(name, value))),
  ];
}
