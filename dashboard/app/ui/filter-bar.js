import { announce, fill, freshId, h } from "../dom.js";
import { chipsOf, suggestionsOf, withTyped } from "../filters.js";

/**
 * @import { Fields } from "../../types/openapi"
 * @import { Filters } from "../filters.js"
 */

/**
 * Creates a text field that adds a filter, with suggestions, and a button for each filter that is set, which
 * removes it.
 *
 * @param {object} options
 * @param {Filters} options.filters
 * @param {boolean} options.hasNames whether the events have names
 * @param {(change: Partial<Filters>) => void} options.changed
 * @param {() => Promise<Fields>} options.suggest
 */
export function filterBar({ filters, hasNames, changed, suggest }) {
  let set = filters;
  let hasAsked = false;
  const list = h("datalist", { id: freshId("fields") });
  const label = hasNames ? "Filter: service, name or attribute:value" : "Filter: service or attribute:value";
  const input = h("input", {
    type: "text",
    "aria-label": label,
    placeholder: label,
    list: list.id,
    autocomplete: "off",
    spellcheck: "false",
  });
  const chips = h("div.chips", { role: "group", "aria-label": "Filters" });
  const problem = h("p.hint.error-text", { role: "status" });

  function change(/** @type {Partial<Filters>} */ choices) {
    set = { ...set, ...choices };
    // Suggestions depend on the service.
    hasAsked = false;
    draw();
    changed(choices);
  }

  function draw() {
    const buttons = chipsOf(set).map(({ key, value, without }) =>
      chip(key, value, () => {
        change(without);
        announce(`Removed the filter ${key}`);
        input.focus();
      }),
    );
    chips.hidden = buttons.length === 0;
    fill(chips, buttons);
  }

  input.addEventListener("focus", async () => {
    if (hasAsked) return;
    hasAsked = true;
    const { service } = set;
    // Suggestions only help to type, so their failure is not shown; the next focus asks again.
    const fields = await suggest().catch(() => null);
    // Another service may have been chosen meanwhile.
    hasAsked = fields !== null && service === set.service;
    if (fields && hasAsked)
      fill(
        list,
        suggestionsOf(fields, hasNames).map((value) => h("option", { value })),
      );
  });

  const form = h("form.filter", {}, input, list);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const added = withTyped(set, input.value, hasNames);
    problem.textContent = added ? "" : "Write a name, a colon and a value. At most eight attributes.";
    if (!added) return;
    input.value = "";
    change(added);
  });
  draw();
  return h("div.filters", {}, form, chips, problem);
}

/**
 * Shows a filter as a button that removes it.
 *
 * @param {string} key
 * @param {string} value
 * @param {() => void} remove
 */
const chip = (key, value, remove) =>
  h(
    "button.button.small.chip",
    {
      type: "button",
      "aria-label": `Remove the filter ${key}: ${value}`,
      title: `${key}: ${value}`,
      on: { click: remove },
    },
    h("span.chip-text", {}, h("span.faint", {}, `${key} `), value),
    " ✕",
  );
