// The controls for the time range and the time zone.

import { announce, fill, h } from "../dom.js";
import { pushInAddress } from "../router.js";
import { SPANS, boundsOf, choicesOf, isFixed, storeRange, textOfRange } from "../timespan.js";
import { inputValue, nameOfZone, shownZone, storeZone, timeOfInput } from "../zone.js";
import { choice, segmented } from "./toolbar.js";

/**
 * @import { Range, SpanName } from "../timespan.js"
 * @import { Zone } from "../zone.js"
 */

/** Value of the option that opens the inputs. */
const FIXED = "range";

/**
 * Creates the control for the time range: one that ends now, or one between two times. Each choice adds an
 * entry to the history of the browser.
 *
 * @param {Range} chosen
 * @param {(range: Range) => void} changed
 */
export function timePicker(chosen, changed) {
  let range = chosen;
  const spans = h("span.spans-choice");
  const inputs = rangeInputs((fixed) => choose(fixed));
  const zone = zoneChoice();

  /** @param {Range} next */
  function choose(next) {
    range = next;
    storeRange(next);
    pushInAddress(choicesOf(next));
    zone.show(boundsOf(next).from);
    changed(next);
  }

  function draw() {
    const current = isFixed(range) ? FIXED : range.name;
    const control = segmented("Time", rangeOptions(), current, (value) => {
      inputs.show(value === FIXED ? boundsOf(range) : null);
      if (value !== FIXED) choose({ name: /** @type {SpanName} */ (value) });
    });
    fill(spans, control);
    inputs.show(isFixed(range) ? range : null);
  }

  draw();
  zone.show(boundsOf(range).from);
  return {
    element: h("div.time-picker", {}, spans, inputs.element, zone.element),
    /**
     * Chooses a range that was selected elsewhere, such as in a chart. The page may replace that element
     * now.
     *
     * @param {Range} next
     */
    choose(next) {
      choose(next);
      draw();
      announce(`Showing ${textOfRange(next)}`);
      /** @type {HTMLElement | null} */ (spans.querySelector("input:checked"))?.focus();
    },
  };
}

/** Values and labels of the time ranges. @returns {[string, string][]} */
const rangeOptions = () => [
  ...Object.entries(SPANS).map(([name, { label }]) => /** @type {[string, string]} */ ([name, label])),
  [FIXED, "From – to"],
];

/** Creates the inputs for start and end. @param {(range: import("../timespan.js").Fixed) => void} chosen */
function rangeInputs(chosen) {
  const [from, to] = ["From", "To"].map((name) =>
    h("input", { type: "datetime-local", step: 1, required: true, "aria-label": name }),
  );
  const problem = h("span.error-text.small", { role: "status" });
  /** @type {Partial<import("../timespan.js").Fixed>} */
  let shown = {};
  const element = h(
    "form.range",
    { hidden: true, "aria-label": "Time range" },
    from,
    " – ",
    to,
    h("button.button.small", { type: "submit" }, "Show"),
    problem,
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const range = { from: timeOfInput(from.value, shown.from), to: timeOfInput(to.value, shown.to) };
    const isValid = range.from < range.to;
    problem.textContent = isValid ? "" : "The start must be before the end.";
    if (isValid) chosen(range);
  });
  return {
    element,
    /** @param {import("../timespan.js").Fixed | null} range null hides the inputs */
    show(range) {
      element.hidden = !range;
      if (!range) return;
      shown = range;
      from.value = inputValue(range.from);
      to.value = inputValue(range.to);
      problem.textContent = "";
    },
  };
}

/** Creates the control for the zone, which is part of the address. */
function zoneChoice() {
  const zones = /** @type {Zone[]} */ (["local", "utc"]);
  const options = zones.map((zone) => /** @type {[string, string]} */ ([zone, zone]));
  const element = choice("Time zone", options, shownZone(), (value) => {
    storeZone(/** @type {Zone} */ (value));
    pushInAddress({ zone: value });
    // Shows the whole page again.
    dispatchEvent(new HashChangeEvent("hashchange"));
  });
  return {
    element,
    /** Shows the offsets of a time, which differ in summer and winter. @param {number} at */
    show(at) {
      for (const [index, zone] of zones.entries()) element.options[index].text = nameOfZone(zone, at);
    },
  };
}
