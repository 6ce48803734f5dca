// The minimap of a trace and its ruler: drag over either to zoom, or move the edges of the shown time.

import { fill, h, svg } from "../dom.js";
import { duration } from "../format.js";
import { selection } from "../charts/selection.js";
import { minimap, pathOf } from "../trace/minimap.js";
import { isWhole, part, shareOf, ticksOf } from "../trace/zoom.js";

/**
 * @import { Tree } from "../trace/tree.js"
 * @import { Zoom } from "../trace/zoom.js"
 * @typedef {(zoom: Zoom) => void} Zoomed
 */

const COLUMNS = 320;
const MAX_LANES = 24;
const TICKS = 5;
/** Parts into which a drag divides the time. */
const STEPS = 2_000;

/** Shares of the trace by which keys move an edge. @type {Record<string, number>} */
const KEYS = {
  ArrowLeft: -0.01,
  ArrowDown: -0.01,
  ArrowRight: 0.01,
  ArrowUp: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
};

/**
 * A picture of the whole trace with the shown part.
 *
 * @param {Zoomed} zoomed
 */
export function minimapView(zoomed) {
  /** @type {{ totalMs: number, zoom: Zoom }} */
  let shown = { totalMs: 1, zoom: { from: 0, to: 1 } };
  const picture = svg("svg.minimap-picture", { "aria-hidden": "true", preserveAspectRatio: "none" });
  const shades = [h("div.shade"), h("div.shade")];
  const edges = [
    edge("Start of the shown time", (at) => move(at, shown.zoom.to)),
    edge("End of the shown time", (at) => move(shown.zoom.from, at)),
  ];
  const element = h("div.minimap", { role: "group", "aria-label": "Zoom" }, picture, shades, edges);
  const drag = selection(element, () => axisOf(element, { from: 0, to: shown.totalMs }), zoomed);
  element.append(drag.band);
  element.addEventListener("dblclick", () => zoomed({ from: 0, to: shown.totalMs }));

  /** @param {number} from @param {number} to */
  function move(from, to) {
    if (from < to) zoomed(part(Math.max(0, from), Math.min(shown.totalMs, to), shown.totalMs));
  }

  return {
    element,
    /** @param {Tree} tree @param {(service: string | null | undefined) => string} toneOf */
    setTree(tree, toneOf) {
      const lanes = Math.max(1, Math.min(MAX_LANES, tree.nodes.length));
      picture.setAttribute("viewBox", `0 0 ${COLUMNS} ${lanes * 2}`);
      const bars = [...minimap(tree, toneOf, COLUMNS, lanes)];
      fill(
        picture,
        bars.map(([tone, list]) => svg("path", { class: tone, d: pathOf(list, 1.5, 2) })),
      );
    },
    /** @param {Zoom} zoom @param {number} totalMs */
    setZoom(zoom, totalMs) {
      shown = { zoom, totalMs };
      const ends = [zoom.from, zoom.to].map((at) => (100 * at) / totalMs);
      shades[0].style.width = `${ends[0]}%`;
      shades[1].style.width = `${100 - ends[1]}%`;
      edges.forEach((thumb, index) => {
        thumb.style.left = `${ends[index]}%`;
        thumb.setAttribute("aria-valuemax", String(totalMs));
        thumb.setAttribute("aria-valuenow", String(index === 0 ? zoom.from : zoom.to));
        thumb.setAttribute("aria-valuetext", duration(index === 0 ? zoom.from : zoom.to));
      });
    },
  };
}

/** The axis of a drag over an element. @param {HTMLElement} element @param {Zoom} zoom */
const axisOf = (element, { from, to }) => ({
  from,
  to,
  left: 0,
  right: element.clientWidth,
  stepMs: (to - from) / STEPS,
});

/** An edge of the shown time, as a slider. @param {string} label @param {(at: number) => void} moved */
function edge(label, moved) {
  const thumb = h("div.edge", { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0 });
  const value = (/** @type {string} */ name) => Number(thumb.getAttribute(name));
  thumb.addEventListener("keydown", (event) => {
    const [now, most] = [value("aria-valuenow"), value("aria-valuemax")];
    if (event.key in KEYS) moved(now + KEYS[event.key] * most);
    else if (event.key === "Home") moved(0);
    else if (event.key === "End") moved(most);
    else return;
    event.preventDefault();
  });
  thumb.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    thumb.setPointerCapture(event.pointerId);
  });
  thumb.addEventListener("pointermove", (event) => {
    if (!thumb.hasPointerCapture(event.pointerId) || !thumb.parentElement) return;
    const { left, width } = thumb.parentElement.getBoundingClientRect();
    moved((value("aria-valuemax") * (event.clientX - left)) / width);
  });
  return thumb;
}

/**
 * The ruler above the rows. A drag over it zooms.
 *
 * @param {Zoomed} zoomed
 */
export function rulerView(zoomed) {
  /** @type {Zoom} */
  let shown = { from: 0, to: 1 };
  const ticks = h("div.ticks", { "aria-hidden": "true" });
  const line = h("div.ruler-line", { title: "Drag to zoom" }, ticks);
  const drag = selection(line, () => axisOf(line, shown), zoomed);
  line.append(drag.band);
  const lines = h("div.grid-lines", { "aria-hidden": "true" });
  return {
    element: h("div.ruler", {}, h("span.ruler-title", {}, "Span"), line),
    /** Lines at the same times over the rows. */
    lines: h("div.grid", { "aria-hidden": "true" }, lines),
    /** @param {Zoom} zoom @param {number} totalMs */
    setZoom(zoom, totalMs) {
      shown = zoom;
      const places = ticksOf(zoom, TICKS).map(({ at, label }) => ({ share: shareOf(zoom, at), label }));
      const left = (/** @type {number} */ share) => ({ left: `${(100 * share).toFixed(3)}%` });
      // A label at the end would be cut.
      const labelled = places.filter(({ share }) => share <= 0.93);
      fill(
        ticks,
        labelled.map(({ share, label }) => h("span", { style: left(share) }, label)),
      );
      fill(
        lines,
        places.map(({ share }) => h("i", { style: left(share) })),
      );
      line.classList.toggle("zoomed", !isWhole(zoom, totalMs));
    },
  };
}
