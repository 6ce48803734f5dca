// The waterfall: the spans of a trace as a tree, with bars on a common time line.

import { h } from "../dom.js";
import { criticalPath, sectionsByKey } from "../trace/critical-path.js";
import { failures, following, matches } from "../trace/find.js";
import { ancestors, foldable, shownRows, treeOf } from "../trace/tree.js";
import { fromAddress, including, isWhole, toAddress, whole } from "../trace/zoom.js";
import { addressWriter, storeInAddress } from "../router.js";
import { VirtualList } from "../ui/virtual-list.js";
import { minimapView, rulerView } from "./minimap.js";
import { rowDetails } from "./row-details.js";
import { drawRow, isSelecting, keyOf } from "./waterfall-row.js";
import { actionOf, zoomBy } from "./waterfall-keys.js";
import { waterfallTools } from "./waterfall-tools.js";

/**
 * @import { Trace } from "../../types/openapi"
 * @import { Section } from "../trace/critical-path.js"
 * @import { Row, SpanNode, Tree } from "../trace/tree.js"
 * @import { Details } from "./row-details.js"
 * @import { FilterHrefs } from "./span-details.js"
 */

const TONES = 6;

/** Assigns a color class to each service, in order of appearance. @param {string[]} services */
export const serviceTones = (services) =>
  new Map(services.map((service, index) => [service, `service-${index % TONES}`]));

/** @param {Map<string, string>} tones */
const toneIn = (tones) => (/** @type {string | null | undefined} */ service) =>
  tones.get(service ?? "") ?? "service-0";

/** The waterfall of a trace, which may get more spans. */
export class Waterfall {
  /** @type {Trace} */ #trace;
  /** @type {Tree} */ #tree;
  /** @type {Map<string, Section[]>} */ #path = new Map();
  /** Keys of folded spans. @type {Set<string>} */ #folded = new Set();
  /** What is below each open row, by its key. @type {Map<string, Details>} */ #open = new Map();
  /** Keys of the row that Tab reaches, and of the one found last. @type {string | null} */ #active = null;
  /** @type {string | null} */ #current = null;
  /** Rows found by the search, positions in `#tree.rows`. @type {number[]} */ #found = [];
  /** @type {Set<string>} */ #foundKeys = new Set();
  #find;
  #zoom;
  #hasLogs = true;
  #hasPath = true;
  #hrefs;
  #toneOf = toneIn(new Map());
  #remember;
  #map;
  #ruler;
  #tools;
  #head;
  #list;

  /**
   * @param {Trace} trace
   * @param {Map<string, string>} tones
   * @param {URLSearchParams} query with the open spans (`span`), the search (`find`) and the shown time (`zoom`)
   * @param {FilterHrefs} hrefs
   * @param {AbortSignal} signal
   */
  constructor(trace, tones, query, hrefs, signal) {
    this.#hrefs = hrefs;
    this.#remember = addressWriter(signal);
    this.#trace = trace;
    this.#tree = treeOf(trace);
    this.#find = query.get("find") ?? "";
    this.#zoom = fromAddress(query.get("zoom"), this.#tree.totalMs);
    const zoomed = (/** @type {import("../trace/zoom.js").Zoom} */ zoom) => this.#setZoom(zoom);
    this.#map = minimapView(zoomed);
    this.#ruler = rulerView(zoomed);
    this.#tools = waterfallTools(this.#toolActions(), this.#find);
    this.#head = h("div.waterfall-head", {}, this.#tools.element, this.#ruler.element);
    this.#list = this.#makeList(signal);
    this.element = h(
      "div.waterfall",
      {},
      this.#map.element,
      this.#head,
      h("div.span-area", {}, this.#ruler.lines, this.#list.element),
    );
    this.#load(trace, tones);
    const wanted = new Set(query.getAll("span"));
    for (const row of this.#tree.rows)
      if (!row.log && row.node && wanted.has(row.node.id)) this.#openRow(row);
  }

  /** Shows the same trace with more spans. @param {Trace} trace @param {Map<string, string>} tones */
  update(trace, tones) {
    const isWholeNow = isWhole(this.#zoom, this.#tree.totalMs);
    this.#tree = treeOf(trace);
    if (isWholeNow) this.#zoom = whole(this.#tree.totalMs);
    this.#load(trace, tones);
    this.#show();
    const current = this.#currentIndex();
    this.#tools.showPlace(this.#found.indexOf(current), this.#found.length);
  }

  /** Call once the element is in the page. Scrolls to the open span. */
  start() {
    this.#show();
    const [first] = this.#open.keys();
    if (first !== undefined) this.#list.bring(this.#list.indexOf(first), "middle");
    if (this.#find) this.#search(this.#find);
  }

  /** @param {AbortSignal} signal @returns {VirtualList<Row>} */
  #makeList(signal) {
    const list = new VirtualList({
      label: "Spans",
      keyOf: ({ key }) => key,
      draw: (row, element) => drawRow(element, row, this.#stateOf(row)),
      belowOf: ({ key }) => this.#open.get(key)?.element ?? null,
      top: () => Number.parseFloat(getComputedStyle(this.#head).top) + this.#head.offsetHeight,
      signal,
    });
    list.element.addEventListener("click", (event) => this.#click(event));
    list.element.addEventListener("keydown", (event) => this.#key(event));
    list.element.addEventListener("focusin", ({ target }) => this.#setActive(keyOf(target)));
    return list;
  }

  /** @returns {import("./waterfall-tools.js").Tools} */
  #toolActions() {
    return {
      find: (text) => this.#search(text),
      step: (direction) => this.#step(direction),
      failure: () => this.#nextFailure(),
      foldAll: (isFolded) => this.#foldAll(isFolded),
      showPath: (isShown) => {
        this.#hasPath = isShown;
        this.#list.redraw();
      },
      showLogs: (isShown) => {
        this.#hasLogs = isShown;
        this.#show();
      },
      zoom: (action) => this.#setZoom(zoomBy(action, this.#zoom, this.#tree.totalMs)),
    };
  }

  /** @param {Trace} trace @param {Map<string, string>} tones */
  #load(trace, tones) {
    this.#trace = trace;
    this.#toneOf = toneIn(tones);
    this.#path = sectionsByKey(criticalPath(this.#tree));
    for (const row of this.#tree.rows) if (this.#open.has(row.key)) this.#openRow(row);
    this.#active ??= this.#tree.rows[0]?.key ?? null;
    this.#setFound();
    this.#map.setTree(this.#tree, this.#toneOf);
  }

  /** Shows the rows that are not folded away. */
  #show() {
    const rows = shownRows(this.#tree, this.#folded, this.#hasLogs);
    if (!rows.some(({ key }) => key === this.#active)) this.#active = rows[0]?.key ?? null;
    this.#drawZoom();
    this.#list.setRows(rows);
  }

  #drawZoom() {
    const { totalMs } = this.#tree;
    this.#map.setZoom(this.#zoom, totalMs);
    this.#ruler.setZoom(this.#zoom, totalMs);
    this.#tools.update({
      failed: failures(this.#tree.rows).length,
      onPath: this.#path.size,
      logs: this.#trace.logs.length,
      isWhole: isWhole(this.#zoom, totalMs),
    });
  }

  /** @param {Row} row */
  #stateOf(row) {
    return {
      isOpen: this.#open.has(row.key),
      isFolded: this.#folded.has(row.key),
      isActive: row.key === this.#active,
      isMatch: this.#foundKeys.has(row.key),
      isCurrent: row.key === this.#current,
      hasLogRows: this.#hasLogs,
      zoom: this.#zoom,
      tone: this.#toneOf(row.node?.span?.service),
      path: this.#hasPath && !row.log ? (this.#path.get(row.key) ?? []) : [],
    };
  }

  /** @param {import("../trace/zoom.js").Zoom} zoom */
  #setZoom(zoom) {
    this.#zoom = zoom;
    this.#remember({ zoom: toAddress(zoom, this.#tree.totalMs) });
    this.#drawZoom();
    this.#list.redraw();
  }

  /** @param {MouseEvent} event */
  #click({ target }) {
    const row = this.#shownRow(keyOf(target));
    if (!row || !(target instanceof Element)) return;
    if (target.closest(".fold")) this.#setFolded(row, !this.#folded.has(row.key));
    else if (target.closest(".row-main") && !isSelecting(target)) this.#toggle(row);
  }

  /** Opens or closes what is below a row. @param {Row} row */
  #toggle(row) {
    if (!this.#open.delete(row.key)) this.#openRow(row);
    const open = this.#tree.rows.filter(({ key, log }) => !log && this.#open.has(key));
    storeInAddress({ span: open.flatMap(({ node }) => node?.id ?? []) });
    this.#list.redrawRow(row.key);
    this.#list.render();
  }

  /** @param {Row} row */
  #openRow(row) {
    const [trace, hrefs, path] = [this.#trace, this.#hrefs, this.#path.get(row.key)];
    const { totalMs } = this.#tree;
    this.#open.set(row.key, rowDetails(row, { trace, hrefs, path, totalMs }, this.#open.get(row.key)));
  }

  /** @param {Row} row @param {boolean} isFolded */
  #setFolded(row, isFolded) {
    if (isFolded) this.#folded.add(row.key);
    else this.#folded.delete(row.key);
    this.#show();
  }

  /** @param {boolean} isFolded */
  #foldAll(isFolded) {
    this.#folded = new Set(isFolded ? foldable(this.#tree) : []);
    this.#show();
    const index = this.#list.indexOf(this.#active);
    if (index >= 0) this.#list.bring(index, "middle");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { target, key } = event;
    if (!(target instanceof Element) || !target.matches(".row-main") || event.ctrlKey || event.metaKey)
      return;
    const row = this.#shownRow(keyOf(target));
    if (!row) return;
    const isFoldable = !row.log && row.node !== null && row.node.last > this.#tree.rows.indexOf(row);
    const state = { index: this.#list.indexOf(row.key), isFoldable, isFolded: this.#folded.has(row.key) };
    const action = actionOf(key, state);
    if (!action) return;
    event.preventDefault();
    if (action.kind === "toggle") this.#toggle(row);
    else if (action.kind === "fold") this.#setFolded(row, action.isFolded);
    else if (action.kind === "go") this.#focus(action.index);
    else if (action.kind === "owner") this.#focus(this.#list.indexOf(ownerOf(row)?.key ?? null));
    else this.#setZoom(zoomBy(action, this.#zoom, this.#tree.totalMs, middleOf(row)));
  }

  /** Moves the focus to a row; -1 is none. @param {number} index */
  #focus(index) {
    if (index === -1) return;
    const element = this.#list.bring(Math.max(0, Math.min(index, this.#list.length - 1)), "nearest");
    /** @type {NodeListOf<HTMLElement> | undefined} */
    const found = element?.querySelectorAll(".row-main");
    found?.[0].focus({ preventScroll: true });
    this.#list.render();
  }

  /** @param {string | null} key of the row that Tab reaches */
  #setActive(key) {
    if (key === null || key === this.#active) return;
    for (const [row, tabIndex] of /** @type {[string | null, number][]} */ ([
      [this.#active, -1],
      [key, 0],
    ])) {
      // Drawn rows are changed, not replaced, because a click begins with the focus.
      /** @type {NodeListOf<HTMLElement> | undefined} */
      const found = this.#list.elementOf(row)?.querySelectorAll(".row-main");
      for (const main of found ?? []) main.tabIndex = tabIndex;
    }
    this.#active = key;
  }

  /** @param {string} text */
  #search(text) {
    this.#find = text;
    this.#remember({ find: text });
    this.#setFound();
    this.#current = null;
    if (this.#found.length > 0) return this.#step(1);
    this.#tools.showMatch(-1, 0, "");
    this.#list.redraw();
  }

  #setFound() {
    this.#found = matches(this.#tree.rows, this.#find);
    this.#foundKeys = new Set(this.#found.map((index) => this.#tree.rows[index].key));
  }

  /** @param {1 | -1} direction */
  #step(direction) {
    const index = following(this.#found, this.#currentIndex(), direction);
    if (index < 0) return;
    const row = this.#tree.rows[this.#found[index]];
    this.#reveal(row);
    this.#tools.showMatch(index, this.#found.length, row.log?.log.message ?? row.node?.span?.name ?? "");
  }

  #nextFailure() {
    const failed = failures(this.#tree.rows);
    const index = following(failed, this.#currentIndex(), 1);
    if (index >= 0) this.#reveal(this.#tree.rows[failed[index]]);
  }

  #currentIndex() {
    return this.#tree.rows.findIndex(({ key }) => key === this.#current);
  }

  /** Unfolds what hides a row, and scrolls and zooms to it. @param {Row} row */
  #reveal(row) {
    const { node, log } = row;
    this.#current = row.key;
    this.#active = row.key;
    for (const above of node ? ancestors(node) : []) this.#folded.delete(above.key);
    if (log && node) this.#folded.delete(node.key);
    if (log) this.#hasLogs = true;
    const [start, end] = log ? [log.at, log.at] : [node?.start ?? 0, node?.end ?? 0];
    this.#zoom = including(this.#zoom, start, end, this.#tree.totalMs);
    this.#show();
    this.#list.bring(this.#list.indexOf(row.key), "middle");
  }

  /** @param {string | null} key */
  #shownRow(key) {
    return this.#list.rowAt(this.#list.indexOf(key));
  }
}

/** The span of a log record, or the parent of a span. @param {Row} row @returns {SpanNode | null} */
const ownerOf = ({ node, log }) => (log ? node : (node?.parent ?? null));

/** @param {Row} row @returns {number | undefined} */
const middleOf = ({ node, log }) => log?.at ?? (node ? (node.start + node.end) / 2 : undefined);
