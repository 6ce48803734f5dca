// The tools above the waterfall: search, next failure, folding, and what is shown.

import { announce, h } from "../dom.js";
import { count } from "../format.js";
import { chevron, search as searchIcon } from "../ui/icons.js";

/**
 * @typedef {object} Tools what the tools do
 * @property {(text: string) => void} find
 * @property {(direction: 1 | -1) => void} step to the next or previous match
 * @property {() => void} failure to the next failure
 * @property {(folded: boolean) => void} foldAll
 * @property {(shown: boolean) => void} showPath
 * @property {(shown: boolean) => void} showLogs
 * @property {(action: import("./waterfall-keys.js").ZoomAction) => void} zoom
 */

/** @param {Tools} tools @param {string} text of the search */
export function waterfallTools(tools, text) {
  const finder = findField(tools, text);
  const failures = button("Next failure", tools.failure);
  const path = toggle("Critical path", tools.showPath);
  const logs = toggle("Log lines", tools.showLogs);
  const all = button("Whole trace", () => tools.zoom({ kind: "all" }));
  const element = h(
    "div.trace-tools",
    { role: "group", "aria-label": "Tools of the waterfall" },
    finder.element,
    failures,
    h(
      "span.joined-buttons",
      {},
      button("Collapse all", () => tools.foldAll(true)),
      button("Expand all", () => tools.foldAll(false)),
    ),
    h("span.pills", {}, path, logs),
    h(
      "span.joined-buttons.zoom-buttons",
      {},
      button("−", () => tools.zoom({ kind: "scale", factor: 2 }), "Zoom out"),
      button("+", () => tools.zoom({ kind: "scale", factor: 0.5 }), "Zoom in"),
      all,
    ),
  );
  return {
    element,
    showMatch: finder.show,
    /** Shows which match is the current one, after the number of matches has changed. */
    showPlace: finder.showPlace,
    /** @param {{ failed: number, onPath: number, logs: number, isWhole: boolean }} numbers */
    update(numbers) {
      failures.textContent = `Next failure (${count(numbers.failed)})`;
      failures.hidden = numbers.failed === 0;
      path.hidden = numbers.onPath === 0;
      logs.hidden = numbers.logs === 0;
      all.disabled = numbers.isWhole;
    },
  };
}

/** @param {string} text @param {() => void} click @param {string} [label] */
const button = (text, click, label) =>
  h(
    "button.button.small",
    { type: "button", "aria-label": label ?? null, title: label ?? null, on: { click } },
    text,
  );

/** A button that is pressed at first. @param {string} text @param {(isPressed: boolean) => void} changed */
function toggle(text, changed) {
  const element = h("button.pill.toggle.accent", { type: "button", "aria-pressed": "true" }, text);
  element.addEventListener("click", () => {
    const isPressed = element.getAttribute("aria-pressed") !== "true";
    element.setAttribute("aria-pressed", String(isPressed));
    changed(isPressed);
  });
  return element;
}

/** The search field, and where it is among the matches. @param {Tools} tools @param {string} text */
function findField({ find, step }, text) {
  const label = "Search in this trace";
  const input = h("input", {
    type: "search",
    "aria-label": label,
    placeholder: label,
    title: "Words of names, services, messages and values",
    value: text,
    autocomplete: "off",
    spellcheck: "false",
  });
  const place = h("span.find-place", { "aria-hidden": "true" });
  const arrow = (/** @type {1 | -1} */ direction, /** @type {string} */ name) =>
    h(
      "button.button.small.icon-only",
      {
        type: "button",
        "aria-label": name,
        title: name,
        class: direction === -1 ? "up" : "",
        on: { click: () => step(direction) },
      },
      chevron(),
    );
  const arrows = [arrow(-1, "Previous match"), arrow(1, "Next match")];
  input.addEventListener("input", () => find(input.value.trim()));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
  });
  /** @param {number} index @param {number} matches */
  function showPlace(index, matches) {
    for (const one of arrows) one.disabled = matches === 0;
    place.textContent = input.value.trim() === "" ? "" : `${count(index + 1)} of ${count(matches)}`;
  }
  showPlace(-1, 0);
  return {
    element: h("div.finder", {}, h("div.search", {}, searchIcon(), input, place), arrows),
    showPlace,
    /**
     * Shows and announces a match.
     *
     * @param {number} index of the match, from 0; -1 before the first
     * @param {number} matches
     * @param {string} name of the match
     */
    show(index, matches, name) {
      showPlace(index, matches);
      if (input.value.trim() === "") return;
      announce(matches ? `Match ${index + 1} of ${matches}: ${name}` : "No matches");
    },
  };
}
