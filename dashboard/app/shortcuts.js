// Keys that work on every page: `/` goes to the search, `?` lists all keys.

import { fill, h } from "./dom.js";
import { openDialog } from "./ui/dialog.js";

/** @type {[place: string, keys: [key: string, meaning: string][]][]} */
const KEYS = [
  [
    "Every page",
    [
      ["/", "Go to the search or filter"],
      ["?", "Show this list"],
      ["Esc", "Close a menu or dialog"],
    ],
  ],
  [
    "Charts",
    [
      ["← →", "Read the values"],
      ["Shift + ← →", "Select a time range; Enter chooses it"],
    ],
  ],
  [
    "Spans of a trace",
    [
      ["↑ ↓", "Go to another row; Page Up, Page Down, Home and End go further"],
      ["← →", "Fold and unfold, or go to the span above"],
      ["Enter", "Open or close the details; in the search, go to the next match"],
      ["+ − 0", "Zoom in and out, or show the whole trace"],
      ["[ ]", "Move the shown time"],
    ],
  ],
];

/** Makes the keys work. @param {HTMLElement} main */
export function startShortcuts(main) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (key === "/" && focusSearch(main)) event.preventDefault();
    else if (key === "?") showKeys();
  });
}

/** @param {EventTarget | null} target */
const isTyping = (target) => target instanceof Element && target.matches("input, select, textarea");

/** Returns whether the page has a search. @param {HTMLElement} main */
function focusSearch(main) {
  /** @type {HTMLInputElement | null} */
  const field = main.querySelector("input[type=search], input[list]");
  field?.focus();
  field?.select();
  return field !== null;
}

function showKeys() {
  const dialog = openDialog("Keyboard shortcuts");
  fill(
    dialog.body,
    KEYS.map(([place, keys]) =>
      h(
        "section.shortcuts",
        {},
        h("h3", {}, place),
        h(
          "dl",
          {},
          keys.map(([key, meaning]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning)]),
        ),
      ),
    ),
  );
}

/** An entry of a menu that shows the list of keys, for those who do not know the key for it. */
export const shortcutsItem = () =>
  h("button.menu-item", { type: "button", on: { click: showKeys } }, "Keyboard shortcuts");
