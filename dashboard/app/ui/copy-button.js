import { fill, h, announce } from "../dom.js";
import { check, copy } from "./icons.js";

const SHOWN_MS = 2_000;

/**
 * A button that copies a text.
 *
 * @param {() => string} text called when the button is pressed
 * @param {{ label?: string, source?: () => Element }} [options] `source` is selected if
 *   the browser does not allow copying
 */
export function copyButton(text, { label = "Copy", source } = {}) {
  const button = h("button.button.small", { type: "button", on: { click: run } }, copy(), label);
  async function run() {
    try {
      await navigator.clipboard.writeText(text());
      fill(button, check(), "Copied");
      announce("Copied.");
      setTimeout(() => fill(button, copy(), label), SHOWN_MS);
    } catch {
      // Without permission or a secure context, the text is selected, so that it can be copied with the
      // keyboard.
      if (source) getSelection()?.selectAllChildren(source());
      announce("Selected. Copy it with the keyboard.");
    }
  }
  return button;
}

/**
 * A small button that copies a text, shown beside it.
 *
 * @param {() => string} text called when the button is pressed
 * @param {string} name what is copied, for a screen reader
 */
export function copyIcon(text, name) {
  const label = `Copy ${name}`;
  const button = h("button.copy-icon", { type: "button", "aria-label": label, title: label }, copy());
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      fill(button, check());
      announce("Copied.");
      setTimeout(() => fill(button, copy()), SHOWN_MS);
    } catch {
      if (button.previousSibling) getSelection()?.selectAllChildren(button.previousSibling);
      announce("Selected. Copy it with the keyboard.");
    }
  });
  return button;
}
