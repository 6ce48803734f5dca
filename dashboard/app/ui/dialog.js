import { fill, freshId, h } from "../dom.js";
import { SignedOut } from "../session.js";
import { errorText } from "./banner.js";
import { cross } from "./icons.js";

/** @import { Child } from "../../types/dom" */

/**
 * Opens a modal dialog. Closing removes it from the page.
 *
 * @param {string} title
 * @param {object} [options]
 * @param {boolean} [options.wide]
 * @param {() => void} [options.closed]
 * @param {() => boolean} [options.mayClose] asked before the user closes it with Escape or its cross
 */
export function openDialog(title, { wide = false, closed, mayClose = () => true } = {}) {
  const id = freshId("dialog");
  const body = h("div.dialog-body");
  const close = h("button.button.icon-only.quiet", { type: "button", "aria-label": "Close" }, cross());
  const element = h(
    "dialog.dialog",
    { "aria-labelledby": id, class: wide ? "wide" : "" },
    h("header", {}, h("h2", { id }, title), close),
    body,
  );
  close.addEventListener("click", () => {
    if (mayClose()) element.close();
  });
  // Before the event `cancel`, which browsers do not let a page prevent twice.
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !mayClose()) event.preventDefault();
  });
  element.addEventListener("close", () => {
    element.remove();
    closed?.();
  });
  // Leaving the page closes the dialog.
  addEventListener("hashchange", () => element.close(), { once: true });
  document.body.append(element);
  element.showModal();
  return { element, body, close: () => element.close() };
}

/**
 * Opens a form in a dialog. `save` runs on submit; its error is shown in the dialog, and the
 * function it returns is called after the dialog has closed.
 *
 * @param {object} options
 * @param {string} options.title
 * @param {Child} options.fields
 * @param {string} options.action label of the submit button
 * @param {boolean} [options.danger]
 * @param {() => boolean} [options.ready] whether the form may be submitted
 * @param {() => Promise<(() => void) | void>} options.save
 */
export function formDialog({ title, fields, action, danger = false, ready = () => true, save }) {
  const dialog = openDialog(title);
  const errorLine = h("p.field-error", { role: "alert", hidden: true });
  const submit = h("button.button", { class: danger ? "danger" : "primary" }, action);
  const cancel = h("button.button.quiet", { type: "button", on: { click: dialog.close } }, "Cancel");
  const form = h("form.form", { novalidate: true }, fields, errorLine, h("footer", {}, cancel, submit));
  const update = () => {
    submit.disabled = !ready();
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity() || !ready()) return;
    submit.disabled = true;
    errorLine.hidden = true;
    try {
      const afterwards = await save();
      dialog.close();
      afterwards?.();
    } catch (error) {
      if (error instanceof SignedOut) return;
      errorLine.hidden = false;
      errorLine.textContent = errorText(error);
      update();
    }
  });
  fill(dialog.body, form);
  update();
  /** @type {HTMLElement | null} */ (form.querySelector("input:not([type=checkbox]), select"))?.focus();
  return dialog;
}

/**
 * Asks for confirmation of an action that cannot be undone.
 *
 * @param {object} options
 * @param {string} options.title
 * @param {Child} options.text
 * @param {string} options.action
 * @param {string} [options.typed] text that must be typed to confirm
 * @param {() => Promise<(() => void) | void>} options.save
 */
export function confirmDialog({ title, text, action, typed, save }) {
  const id = freshId("typed");
  const input = h("input", { id, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const field = typed && [
    h("label", { for: id }, "Type ", h("strong.typed", {}, typed), " to confirm"),
    input,
  ];
  return formDialog({
    title,
    action,
    danger: true,
    fields: [h("p", {}, text), field],
    ready: () => !typed || input.value.trim() === typed,
    save,
  });
}
