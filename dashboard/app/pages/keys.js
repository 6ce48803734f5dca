// The keys of an application with their health: create, rename, rotate, disable, revoke.

import * as api from "../api.js";
import { fill, fillIfNew, freshId, h, keyed, announce } from "../dom.js";
import { keepFresh } from "../live.js";
import { errorBanner } from "../ui/banner.js";
import { empty, field, heading, skeleton } from "../ui/bits.js";
import { confirmDialog, formDialog } from "../ui/dialog.js";
import { repeatable } from "../repeatable.js";
import { plus } from "../ui/icons.js";
import { keyRow } from "./key-row.js";
import { apiUrl } from "../http.js";
import { showKey, snippetTabs } from "./new-key-dialog.js";

/**
 * @import { Application, Key, KeyScope } from "../../types/openapi"
 * @typedef {(key: string, scopes: KeyScope[], title: string, note: string) => void} Show shows a new secret. It cannot be shown again
 */

const PAUSE_MS = 10_000;
const PLACEHOLDER = "YOUR_API_KEY";
const DAY_MS = 86_400_000;
const LIFETIMES = [
  ["", "Never"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
];
/** @type {{ scope: KeyScope, text: string, checked: boolean }[]} */
const SCOPES = [
  { scope: "ingest:traces", text: "Send traces", checked: true },
  { scope: "ingest:logs", text: "Send logs", checked: true },
  { scope: "telemetry:read", text: "Read telemetry", checked: false },
];
const OVERLAPS = [
  ["86400", "A day"],
  ["3600", "An hour"],
  ["604800", "A week"],
  ["0", "Not at all (it stops working now)"],
];
const ORDER = ["active", "disabled", "expired", "revoked"];

/** @type {import("../main.js").Page} */
export function keysPage(outlet, { signal }, application) {
  const list = h("ul.rows.keys", { "aria-label": "Keys" });
  const body = h("div.stack", {}, skeleton(3));
  const changed = () => fresh.refresh();
  const mayChange = application.role !== "viewer";
  const actions = keyActions(application, changed);

  async function load() {
    const { keys } = await api.keys(application.id, signal);
    if (keys.length === 0) return fillIfNew(body, noKeys(mayChange ? actions.mint : null));
    // An open menu must not be replaced.
    if (list.querySelector("details[open]")) return;
    if (list.parentNode?.parentNode !== body) fill(body, h("section.panel.flush", {}, list));
    const sorted = [...keys].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    keyed(
      list,
      sorted,
      ({ id }) => id,
      (key) => keyRow(key, mayChange ? actions : null),
    );
  }

  const banner = errorBanner(changed);
  const head = heading("Keys", mayChange && mintButton(actions.mint));
  fill(outlet, head, banner.element, body, snippets(application));
  const fresh = keepFresh({ load, pauseMs: () => PAUSE_MS, signal, failed: banner.show });
}

/** Snippets with a placeholder for the key, which is shown only once. @param {Application} application */
function snippets({ id, name }) {
  const target = { api: apiUrl(), key: PLACEHOLDER, name, application: id };
  const body = h("div.stack");
  const element = h("details.panel", {}, h("summary", {}, "Snippets for your services"), body);
  element.addEventListener("toggle", () => {
    if (!element.open || body.firstChild) return;
    const scopes = SCOPES.map(({ scope }) => scope);
    const note = h("p.soft", {}, "Replace ", h("code", {}, PLACEHOLDER), " with a key of this application.");
    fill(body, note, snippetTabs(scopes, target));
  });
  return element;
}

/** @param {() => void} mint */
const mintButton = (mint) =>
  h("button.button.primary", { type: "button", on: { click: mint } }, plus(), "New key");

/** @param {(() => void) | null} mint null if the user may not create keys */
const noKeys = (mint) =>
  empty(
    "No keys yet",
    "A key allows a service to send traces and logs, or a tool such as Grafana to read them, and nothing else. Create one for each service, so that you can replace each key separately.",
    ...(mint ? [mintButton(mint)] : []),
  );

/** The actions that the page offers for keys. @param {Application} application @param {() => void} changed */
function keyActions(application, changed) {
  /** @type {Show} */
  const shown = (key, scopes, title, note) =>
    showKey({ key, scopes, title, note, application, closed: changed });
  return {
    mint: () => mint(application, shown),
    rotate: (/** @type {Key} */ key) => rotate(key, shown),
    rename: (/** @type {Key} */ key) => rename(key, changed),
    async toggle(/** @type {Key} */ key) {
      await api.changeKey(key.id, { status: key.status === "disabled" ? "active" : "disabled" });
      announce(key.status === "disabled" ? `${key.name} is enabled.` : `${key.name} is disabled.`);
      changed();
    },
    revoke: (/** @type {Key} */ key) =>
      confirmDialog({
        title: `Revoke ${key.name}?`,
        text: "Requests with this key are rejected within ten seconds. This cannot be undone.",
        action: "Revoke",
        async save() {
          await api.revokeKey(key.id);
          changed();
        },
      }),
  };
}

/** @param {{ name: string, scopes: KeyScope[], days: number }} values of the form; 0 days: no expiry */
function newKey({ name, scopes, days }) {
  const expiresAt = days ? new Date(Date.now() + days * DAY_MS).toISOString() : undefined;
  return { name, scopes, expiresAt };
}

/** @param {Application} application @param {Show} shown */
function mint(application, shown) {
  const name = h("input", {
    name: "name",
    required: true,
    maxlength: 80,
    placeholder: "checkout-eu",
    autocomplete: "off",
  });
  const life = h(
    "select",
    { name: "life" },
    LIFETIMES.map(([value, text]) => h("option", { value }, text)),
  );
  const hint = freshId("scopes");
  const scopes = SCOPES.map(({ scope, text, checked }) => {
    const input = h("input", { type: "checkbox", value: scope, checked });
    return { scope, text, input };
  });
  const chosen = () => scopes.filter(({ input }) => input.checked).map(({ scope }) => scope);
  const creation = repeatable(newKey);
  formDialog({
    title: "New key",
    action: "Create key",
    fields: [
      field(freshId("name"), "Name", name, "For example, the service that uses the key."),
      h(
        "fieldset.field",
        { "aria-describedby": hint },
        h("legend.label", {}, "Allowed to"),
        h(
          "div.checks",
          {},
          scopes.map(({ input, text }) => h("label.check", {}, input, text)),
        ),
        h(
          "p.hint",
          { id: hint },
          "A key that may read gives its holder access to all telemetry of this application, and of no other.",
        ),
      ),
      field(freshId("life"), "Expires", life),
    ],
    ready: () => name.value.trim() !== "" && chosen().length > 0,
    async save() {
      const values = { name: name.value, scopes: chosen(), days: Number(life.value) };
      const key = await api.mintKey(application.id, creation(values));
      return () =>
        shown(
          key,
          values.scopes,
          `The key ${name.value.trim()}`,
          "Copy it now. It is shown only once, and stored only as a hash.",
        );
    },
  });
}

/** @param {Key} key @param {Show} shown */
function rotate(key, shown) {
  const overlap = h(
    "select",
    { name: "overlap" },
    OVERLAPS.map(([value, text]) => h("option", { value }, text)),
  );
  formDialog({
    title: `Rotate ${key.name}`,
    action: "Rotate",
    fields: [
      h(
        "p.soft",
        {},
        "The key gets a new secret. The old secret stays valid for a while, so that no data is lost while you replace it.",
      ),
      field(freshId("overlap"), "Old secret stays valid for", overlap),
    ],
    async save() {
      const secret = await api.rotateKey(key.id, { overlapSeconds: Number(overlap.value) });
      return () =>
        shown(
          secret,
          key.scopes,
          `The new secret of ${key.name}`,
          "Copy it now. It is shown only once, and stored only as a hash.",
        );
    },
  });
}

/** @param {Key} key @param {() => void} changed */
function rename(key, changed) {
  const name = h("input", {
    name: "name",
    required: true,
    maxlength: 80,
    value: key.name,
    autocomplete: "off",
  });
  formDialog({
    title: "Rename the key",
    action: "Rename",
    fields: [field(freshId("name"), "Name", name)],
    ready: () => name.value.trim() !== "",
    async save() {
      await api.changeKey(key.id, { name: name.value });
      changed();
    },
  });
}
