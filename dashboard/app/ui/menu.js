import { h } from "../dom.js";

/**
 * Creates a button that opens a list. `<details>` supports the keyboard; this adds that Escape and a click
 * elsewhere close the list.
 *
 * @param {string} label for a screen reader
 * @param {import("../../types/dom").Child} summary content of the button
 * @param {{ opened?: () => void, class?: string }} [options]
 */
export function menu(label, summary, options = {}) {
  const body = h("div.menu-body");
  const button = h("summary.button.quiet", { "aria-label": label }, summary);
  const element = h("details.menu", { class: options.class ?? "" }, button, body);
  const close = () => {
    element.open = false;
  };
  element.addEventListener("toggle", () => {
    if (element.open) options.opened?.();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    close();
    button.focus();
  });
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !element.contains(relatedTarget)) close();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !element.contains(target)) close();
  });
  body.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("a, button")) close();
  });
  return { element, body, close };
}
