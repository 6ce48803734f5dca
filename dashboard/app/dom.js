// Elements from data. Text reaches the page as text nodes; nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
let lastId = 0;

/**
 * Makes an HTML element: `h("a.button", { href, on: { click } }, "Open")`.
 *
 * @param {string} selector a tag name, then classes: `"p.soft.small"`
 * @param {Record<string, any>} [props] attributes; `on` has listeners, `style` custom properties
 * @param {...any} children nodes and texts; arrays are flattened, null and false are left out
 * @returns {any}
 */
export function h(selector, props = {}, ...children) {
  return made((tag) => document.createElement(tag), selector, props, children);
}

/** Makes an SVG element, as {@link h} does HTML ones. @returns {any} */
export function svg(selector, props = {}, ...children) {
  return made((tag) => document.createElementNS(SVG, tag), selector, props, children);
}

function made(create, selector, props, children) {
  const [tag, ...classes] = selector.split(".");
  const element = create(tag);
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...nodes(children));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else if (name === "style") {
    // Through the object model: the policy forbids style attributes in markup.
    for (const [property, text] of Object.entries(value)) element.style.setProperty(property, String(text));
  } else if (name === "class") {
    element.classList.add(...String(value).split(" ").filter(Boolean));
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces what is in an element. @param {Element} element @param {...any} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** An id that is free on this page, for labels and descriptions. @param {string} prefix */
export function freshId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Shows something else, unless it says the same: what has the focus keeps it. @param {Element} element @param {Element} child */
export function fillIfNew(element, child) {
  if (element.textContent !== child.textContent) fill(element, child);
}

/**
 * Brings a list up to date and keeps the elements of unchanged items, so that
 * focus, selection and open details survive a live refresh.
 *
 * @template T
 * @param {any} parent
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} make
 */
export function keyed(parent, items, keyOf, make) {
  const old = parent.keyedItems ?? new Map();
  const kept = new Map();
  const refocus = focusIn(parent, (element) => [...kept.values()].find((item) => item.replaced === element)?.element);
  for (const item of items) {
    const [key, state] = [keyOf(item), JSON.stringify(item)];
    const before = old.get(key);
    if (before?.state === state) kept.set(key, { state, element: before.element });
    else kept.set(key, { state, element: make(item), replaced: before?.element });
  }
  const wanted = [...kept.values()].map(({ element }) => element);
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((element, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  parent.keyedItems = kept;
  refocus();
}

const FOCUSABLE = "a, button, summary, input, select";

/** Remembers which control of which row has the focus, and gives it to the same one of the row's successor. */
function focusIn(parent, successorOf) {
  const row = [...parent.children].find((child) => child.contains(document.activeElement));
  const index = row ? [...row.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement) : -1;
  return () => {
    if (index >= 0) successorOf(row)?.querySelectorAll(FOCUSABLE)[index]?.focus({ preventScroll: true });
  };
}

/** Tells a screen reader what sighted users see happen. @param {string} text */
export function say(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}
