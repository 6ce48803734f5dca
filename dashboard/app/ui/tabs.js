import { fill, freshId, h } from "../dom.js";

/**
 * A row of tabs above one panel. Arrow keys move between the tabs.
 *
 * @param {string} label
 * @param {{ name: string, make: () => Element }[]} tabs
 */
export function tabPanel(label, tabs) {
  const panelId = freshId("panel");
  const panel = h("div.tab-panel", { id: panelId, role: "tabpanel" });
  const buttons = tabs.map(({ name }, index) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `${panelId}-${index}`,
        "aria-controls": panelId,
        on: { click: () => show(index) },
      },
      name,
    ),
  );
  const list = h("div.tab-list", { role: "tablist", "aria-label": label }, buttons);
  list.addEventListener("keydown", (event) => {
    const step = stepOf(event.key);
    if (!step) return;
    event.preventDefault();
    const current = buttons.findIndex((button) => button.matches(":focus"));
    const next = (current + step + tabs.length) % tabs.length;
    show(next);
    buttons[next].focus();
  });
  /** @param {number} index */
  function show(index) {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === index));
      button.tabIndex = other === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `${panelId}-${index}`);
    fill(panel, tabs[index].make());
  }
  show(0);
  return h("div.tab-box", {}, list, panel);
}

/** @param {string} key */
const stepOf = (key) => (key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0);
