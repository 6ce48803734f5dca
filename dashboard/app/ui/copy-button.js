import { fill, h, say } from "../dom.js";
import { check, copy } from "./icons.js";

const SHOWN_MS = 2_000;

/**
 * A button that copies a text.
 *
 * @param {() => string} text asked when it is pressed
 * @param {{ label?: string, source?: () => Element }} [options] `source` is selected when
 *   the browser does not let us copy
 */
export function copyButton(text, { label = "Copy", source } = {}) {
  const button = h("button.button.small", { type: "button", on: { click: run } }, copy(), label);
  async function run() {
    try {
      await navigator.clipboard.writeText(text());
      fill(button, check(), "Copied");
      say("Copied.");
      setTimeout(() => fill(button, copy(), label), SHOWN_MS);
    } catch {
      // No permission, or not a secure page: leave it selected for the keyboard.
      if (source) getSelection()?.selectAllChildren(source());
      say("Selected. Copy it with the keyboard.");
    }
  }
  return button;
}
