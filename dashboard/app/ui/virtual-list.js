// A long list of which only the rows near the visible part of the page exist.

import { h } from "../dom.js";
import { rowLayout } from "./row-layout.js";

/** Rows that exist above and below the visible ones, so that they are there when they are scrolled to. */
const BEYOND = 10;

/**
 * @template R
 * @typedef {object} VirtualRows
 * @property {string} label of the list
 * @property {(row: R) => string} keyOf
 * @property {(row: R, element: HTMLElement) => void} draw fills the `li` of a row, also again after a change
 * @property {(row: R) => HTMLElement | null} belowOf what is below the line of a row, if it is open
 * @property {() => number} top lower edge of what covers the top of the page, in pixels from there
 * @property {AbortSignal} signal
 */

/**
 * Scrolls with the page. Every row has the height `--row-height`, and possibly something below its line. Rows say
 * which one of how many they are. A row with the focus stays when it is scrolled away, so that keys go on from there.
 *
 * @template R
 */
export class VirtualList {
  /** @type {R[]} */
  #rows = [];
  /** @type {Map<string, number>} */
  #indexes = new Map();
  /** The rows that exist. @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** Heights of what is below lines. @type {Map<string, number>} */
  #heights = new Map();
  #frame = 0;
  #options;
  #observer;

  /** @param {VirtualRows<R>} options */
  constructor(options) {
    this.#options = options;
    const { label, signal } = options;
    this.element = h("ol.spans", { "aria-label": label });
    this.#observer = new ResizeObserver((entries) => this.#measure(entries));
    const renderSoon = () => {
      this.#frame ||= requestAnimationFrame(() => this.render());
    };
    document.addEventListener("scroll", renderSoon, { passive: true, signal });
    addEventListener("resize", renderSoon, { signal });
    signal.addEventListener("abort", () => this.#observer.disconnect());
  }

  /** Shows other rows. @param {R[]} rows */
  setRows(rows) {
    this.#rows = rows;
    this.#indexes = new Map(rows.map((row, index) => [this.#options.keyOf(row), index]));
    this.redraw();
  }

  /** Draws the rows that exist again. */
  redraw() {
    for (const [key, element] of this.#elements) {
      const index = this.#indexes.get(key);
      if (index !== undefined) this.#options.draw(this.#rows[index], element);
    }
    this.render();
  }

  /** Draws one row again, if it exists. @param {string} key */
  redrawRow(key) {
    const [index, element] = [this.#indexes.get(key), this.#elements.get(key)];
    if (index !== undefined && element) this.#options.draw(this.#rows[index], element);
  }

  /** Position of a row; -1 if it is not shown. @param {string | null} key */
  indexOf(key) {
    return this.#indexes.get(key ?? "") ?? -1;
  }

  /** The row at a position, if there is one. @param {number} index @returns {R | undefined} */
  rowAt(index) {
    return this.#rows[index];
  }

  /** The element of a row, if it exists. @param {string | null} key */
  elementOf(key) {
    return this.#elements.get(key ?? "");
  }

  /** Number of rows. */
  get length() {
    return this.#rows.length;
  }

  /**
   * Scrolls a row into view, and returns its element.
   *
   * @param {number} index
   * @param {"nearest" | "middle"} place
   */
  bring(index, place) {
    const y = this.element.getBoundingClientRect().top + this.#layout().topOf(index);
    const [from, to] = [this.#options.top(), innerHeight - this.#rowHeight()];
    const aim = place === "middle" ? (from + to) / 2 : y < from ? from : to;
    if (y < from || y > to) scrollBy({ top: y - aim, behavior: "instant" });
    this.render();
    return this.#elements.get(this.#options.keyOf(this.#rows[index]));
  }

  /** Makes the rows near the visible part, and removes others. */
  render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const layout = this.#layout();
    const from = -this.element.getBoundingClientRect().top;
    const { first, last } = layout.between(from, from + innerHeight, BEYOND);
    const wanted = new Set(this.#rows.slice(first, last).map(this.#options.keyOf));
    const focused = [...this.#elements].find(([, row]) => row.contains(document.activeElement))?.[0];
    if (focused !== undefined && this.#indexes.has(focused)) wanted.add(focused);
    for (const [key, row] of this.#elements) {
      if (wanted.has(key)) continue;
      row.remove();
      this.#elements.delete(key);
    }
    this.element.style.height = `${layout.height}px`;
    for (const key of wanted) this.#place(key, layout.topOf(this.indexOf(key)));
    this.#sort();
  }

  #rowHeight() {
    return Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--row-height")) || 1;
  }

  #layout() {
    /** @type {[number, number][]} */
    const higher = [];
    for (const [key, height] of this.#heights) {
      const index = this.indexOf(key);
      if (index >= 0 && this.#options.belowOf(this.#rows[index])) higher.push([index, height]);
    }
    return rowLayout(this.#rows.length, this.#rowHeight(), higher);
  }

  /** @param {ResizeObserverEntry[]} entries */
  #measure(entries) {
    for (const { target, borderBoxSize } of entries) {
      if (!(target instanceof HTMLElement) || !target.isConnected) continue;
      this.#heights.set(target.dataset.below ?? "", borderBoxSize[0].blockSize);
    }
    this.render();
  }

  /** @param {string} key @param {number} y */
  #place(key, y) {
    const index = this.indexOf(key);
    let element = this.#elements.get(key);
    if (!element) {
      element = h("li.span");
      this.#elements.set(key, element);
      this.#options.draw(this.#rows[index], element);
    }
    this.#showBelow(element, index, key);
    element.style.transform = `translateY(${y}px)`;
    element.setAttribute("aria-posinset", String(index + 1));
    element.setAttribute("aria-setsize", String(this.#rows.length));
  }

  /** @param {HTMLElement} element @param {number} index @param {string} key */
  #showBelow(element, index, key) {
    const below = this.#options.belowOf(this.#rows[index]);
    const shown = element.children[1];
    if (shown === (below ?? undefined)) return;
    if (shown) this.#observer.unobserve(shown);
    shown?.remove();
    if (!below) return;
    below.dataset.below = key;
    element.append(below);
    this.#observer.observe(below);
  }

  /** Puts the elements into the order of their rows, moving few, because a moved element loses the focus. */
  #sort() {
    const sorted = [...this.#elements].sort(([a], [b]) => this.indexOf(a) - this.indexOf(b));
    let before = this.element.firstElementChild;
    for (const [, row] of sorted) {
      if (row === before) before = before.nextElementSibling;
      else this.element.insertBefore(row, before);
    }
  }
}
