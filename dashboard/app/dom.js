// Creates elements from data. Text is inserted as text nodes; HTML is never parsed.

const SVG = "http://www.w3.org/2000/svg";
let lastId = 0;

/** @import { Child, HtmlOf, Props, SvgOf } from "../types/dom" */

/**
 * Creates an HTML element: `h("a.button", { href, on: { click } }, "Open")`.
 *
 * @template {string} S
 * @param {S} selector tag name and classes: `"p.soft.small"`
 * @param {Props} [props] attributes, listeners (`on`) and style properties (`style`)
 * @param {...Child} children nodes and texts; null and false are skipped, arrays are flattened
 */
export function h(selector, props = {}, ...children) {
  const element = document.createElement(tagOf(selector));
  return /** @type {HtmlOf<S>} */ (build(element, selector, props, children));
}

/**
 * Creates an SVG element, like {@link h}.
 *
 * @template {string} S
 * @param {S} selector
 * @param {Props} [props]
 * @param {...Child} children
 */
export function svg(selector, props = {}, ...children) {
  const element = document.createElementNS(SVG, tagOf(selector));
  return /** @type {SvgOf<S>} */ (build(element, selector, props, children));
}

/** @param {string} selector */
const tagOf = (selector) => selector.split(".", 1)[0];

/**
 * @param {HTMLElement | SVGElement} element
 * @param {string} selector
 * @param {Props} props
 * @param {Child[]} children
 */
function build(element, selector, props, children) {
  const [, ...classes] = selector.split(".");
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...nodes(children));
  return element;
}

/** @param {HTMLElement | SVGElement} element @param {string} name @param {any} value */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else if (name === "style") {
    // Set by script, because the Content Security Policy forbids style attributes.
    for (const [property, text] of Object.entries(value)) element.style.setProperty(property, String(text));
  } else if (name === "class") {
    element.classList.add(...String(value).split(" ").filter(Boolean));
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** @param {Child[]} children */
function nodes(children) {
  // TypeScript cannot infer a type of unlimited depth.
  const flat = /** @type {any[]} */ (children).flat(Infinity);
  return flat.filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces the children of an element. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** Creates an unused element id, for labels and descriptions. @param {string} prefix */
export function freshId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/**
 * Replaces the children of an element, unless its text stays the same: then the focus is kept.
 *
 * @param {Element} element
 * @param {Element} child
 */
export function fillIfNew(element, child) {
  if (element.textContent !== child.textContent) fill(element, child);
}

/** @typedef {{ state: string, element: Element, replaced?: Element }} KeyedItem */

/** The items that `keyed` has inserted into each list. @type {WeakMap<Element, Map<string, KeyedItem>>} */
const KEYED = new WeakMap();

/**
 * Updates a list. Keeps the elements of unchanged items, so that focus, selection and open
 * details survive a refresh.
 *
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} make
 */
export function keyed(parent, items, keyOf, make) {
  const old = KEYED.get(parent);
  /** @type {Map<string, KeyedItem>} */
  const kept = new Map();
  const refocus = focusIn(
    parent,
    (element) => [...kept.values()].find((item) => item.replaced === element)?.element,
  );
  for (const item of items) {
    const key = keyOf(item);
    const state = JSON.stringify(item);
    const before = old?.get(key);
    if (before?.state === state) kept.set(key, { state, element: before.element });
    else kept.set(key, { state, element: make(item), replaced: before?.element });
  }
  const wanted = [...kept.values()].map(({ element }) => element);
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((element, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  KEYED.set(parent, kept);
  refocus();
}

/**
 * Removes the items of a list. The next call of `keyed` creates all of them again.
 *
 * @param {Element} parent
 */
export function forget(parent) {
  KEYED.delete(parent);
  fill(parent);
}

/** @param {Element} row @returns {HTMLElement[]} */
const controls = (row) => [...row.querySelectorAll("a, button, summary, input, select")].filter(isHtml);

/** @param {Element} element @returns {element is HTMLElement} */
const isHtml = (element) => element instanceof HTMLElement;

/**
 * Returns a function that moves the focus from a control of a replaced row to the same control
 * of its successor.
 *
 * @param {Element} parent
 * @param {(row: Element) => Element | undefined} successorOf
 */
function focusIn(parent, successorOf) {
  const row = [...parent.children].find((child) => child.contains(document.activeElement));
  if (!row) return () => {};
  const index = controls(row).findIndex((control) => control.matches(":focus"));
  return () => {
    const successor = index >= 0 ? successorOf(row) : undefined;
    if (successor) controls(successor)[index]?.focus({ preventScroll: true });
  };
}

/** Announces a change to screen readers. @param {string} text */
export function announce(text) {
  const element = document.getElementById("announcements");
  if (element) element.textContent = text;
}
