// The bar at the top: current application, account, light or dark theme.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { apiUrl } from "./http.js";
import { to } from "./router.js";
import { shortcutsItem } from "./shortcuts.js";
import { withTime } from "./timespan.js";
import { SignedOut, signOut } from "./session.js";
import { pill, skeleton } from "./ui/bits.js";
import { chevron, logo, moon, plus, sun } from "./ui/icons.js";
import { menu } from "./ui/menu.js";

/** @import { Application, Applications, Me } from "../types/openapi" */

const TABS = ["Traces", "Logs", "Metrics", "Keys", "Members", "Audit", "Settings"];

const place = h("div.place");
const account = h("div.account");
const tabs = /** @type {HTMLElement} */ (document.getElementById("tabs"));

/** Renders the bar with its home link and theme button, and makes the skip link of index.html work. */
export function startShell() {
  const home = h(
    "a.home",
    { href: to("/applications"), "aria-label": "Upblit, your applications" },
    logo(26),
    h("span", {}, "Upblit"),
  );
  fill(
    /** @type {Element} */ (document.getElementById("top")),
    home,
    place,
    h("div.top-end", {}, themeButton(), account),
  );
  // The pages of an application are shown for the same time range.
  addEventListener("addresschange", () => {
    for (const link of tabs.querySelectorAll("a")) link.href = withTime(link.hash);
  });
  // Routes are in the fragment, so a plain link to #main would navigate.
  document.querySelector("[data-skip]")?.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  });
}

/** Removes everything that belongs to the account, and closes open dialogs. */
export function endShell() {
  showApplication(null);
  account.remove();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/**
 * Shows the name and tabs of the current application, if any.
 *
 * @param {Application | null} application
 * @param {string} [tab]
 */
export function showApplication(application, tab) {
  tabs.hidden = !application;
  if (!application) return fill(place);
  fill(
    place,
    h("span.slash", { "aria-hidden": "true" }, "/"),
    switcher(application, tab),
    application.environment !== "production" && pill(application.environment, "warn"),
  );
  fill(
    tabs,
    TABS.map((name) => tabLink(application.id, name, name.toLowerCase() === tab)),
  );
  showCurrentTab();
}

/**
 * Scrolls the current tab into view, as not all tabs fit on a phone. `scrollIntoView` would also
 * move the starting point of the Tab key.
 */
function showCurrentTab() {
  const current = /** @type {HTMLElement | null} */ (tabs.querySelector("[aria-current]"));
  if (current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}

/** @param {string} id of the application @param {string} name @param {boolean} isCurrent */
const tabLink = (id, name, isCurrent) =>
  h(
    "a",
    { href: withTime(to(`/applications/{}/${name.toLowerCase()}`, id)), "aria-current": isCurrent && "page" },
    name,
  );

/** @param {Application} application @param {string} [tab] */
function switcher(application, tab = "traces") {
  const list = menu(
    `${application.name}: switch application`,
    [h("span.place-name", {}, application.name), chevron()],
    {
      async opened() {
        fill(list.body, skeleton(3));
        try {
          fill(list.body, choices(await api.applications(), application, tab));
        } catch (error) {
          if (!(error instanceof SignedOut)) list.close();
        }
      },
    },
  );
  return list.element;
}

/** @param {Applications} all @param {Application} current @param {string} tab */
const choices = ({ applications }, current, tab) => [
  applications.map(({ id, name, environment }) =>
    h(
      "a.menu-item",
      { href: to(`/applications/{}/${tab}`, id), "aria-current": id === current.id && "true" },
      h("span", {}, name),
      environment !== "production" && pill(environment, "warn"),
    ),
  ),
  h("hr"),
  h("a.menu-item", { href: to("/applications") }, "All applications", plus()),
];

/** Loads and shows the account menu. Errors are ignored: the pages work without it. */
export async function showAccount() {
  const user = await api.me().catch(() => null);
  if (!user) return;
  const list = menu(`Account of ${user.name || user.login}`, avatar(user), { class: "to-left" });
  fill(
    list.body,
    h("p.menu-head", {}, h("strong", {}, user.name || user.login), h("span", {}, user.email)),
    h("a.menu-item", { href: to("/account") }, "Account and sessions"),
    h("a.menu-item", { href: `${apiUrl()}/docs` }, "API reference"),
    shortcutsItem(),
    h("button.menu-item", { type: "button", on: { click: () => signOut() } }, "Sign out"),
  );
  fill(account, list.element);
}

/** Shows the first letter of the login until the picture has loaded. @param {Me} user */
function avatar({ avatar: source, login }) {
  const frame = h("span.avatar", {}, login[0].toUpperCase());
  if (source) {
    const picture = h("img", { src: source, alt: "", width: 28, height: 28, referrerpolicy: "no-referrer" });
    picture.addEventListener("load", () => fill(frame, picture));
  }
  return frame;
}

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemIsDark.matches;
};

function themeButton() {
  const button = h("button.button.quiet.icon-only", { type: "button" });
  const draw = () => {
    button.setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark");
    fill(button, isDark() ? sun() : moon());
  };
  button.addEventListener("click", () => {
    choose(isDark() ? "light" : "dark");
    draw();
  });
  systemIsDark.addEventListener("change", draw);
  draw();
  return button;
}

/**
 * Stores the chosen theme. Choosing the system's theme clears it, and the page follows the system.
 *
 * @param {"light" | "dark"} theme
 */
function choose(theme) {
  if ((theme === "dark") === systemIsDark.matches) {
    localStorage.removeItem("theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("theme", theme);
    document.documentElement.dataset.theme = theme;
  }
}
