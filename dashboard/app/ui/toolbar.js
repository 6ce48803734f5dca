import { fill, freshId, h } from "../dom.js";
import { search as searchIcon } from "./icons.js";

const TYPING_MS = 300;

/**
 * A choice of one option, as a row of radio buttons that looks like one control.
 *
 * @template {string} V
 * @param {string} label
 * @param {[V, string][]} options values and labels
 * @param {V} chosen
 * @param {(value: V) => void} changed
 */
export function segmented(label, options, chosen, changed) {
  const name = freshId("choice");
  const choices = options.map(([value, text]) => {
    const input = h("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => changed(value));
    return h("label", {}, input, h("span", {}, text));
  });
  return h("fieldset.segmented", {}, h("legend.unseen", {}, label), choices);
}

/**
 * A button that stops and starts the live refresh, and says if it does not work.
 *
 * @param {(isPaused: boolean) => void} changed
 */
export function liveButton(changed) {
  let paused = false;
  let lost = false;
  const button = h("button.button.live", { type: "button", "aria-pressed": "true" });
  const draw = () => {
    button.setAttribute("aria-pressed", String(!paused));
    button.classList.toggle("lost", lost);
    const text = paused ? "Paused" : lost ? "Not up to date" : "Live";
    fill(button, h("span.live-dot", { "aria-hidden": "true" }), text);
  };
  button.addEventListener("click", () => {
    paused = !paused;
    draw();
    changed(paused);
  });
  draw();
  return {
    button,
    /** Shows whether the last refresh has failed. @param {unknown} error null after a success */
    failed(error) {
      if (lost === (error !== null)) return;
      lost = error !== null;
      draw();
    },
  };
}

/**
 * A search field that searches while the user types.
 *
 * @param {string} label
 * @param {string} text
 * @param {(text: string) => void} changed
 */
export function searchField(label, text, changed) {
  const input = h("input", {
    type: "search",
    "aria-label": label,
    placeholder: label,
    value: text,
    autocomplete: "off",
    spellcheck: "false",
  });
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => changed(input.value.trim()), TYPING_MS);
  });
  return h("div.search", {}, searchIcon(), input);
}

/**
 * A select element for one option.
 *
 * @param {string} label
 * @param {[string, string][]} options
 * @param {string} chosen
 * @param {(value: string) => void} changed
 */
export function choice(label, options, chosen, changed) {
  const select = h(
    "select",
    { "aria-label": label },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
  select.addEventListener("change", () => changed(select.value));
  return select;
}
