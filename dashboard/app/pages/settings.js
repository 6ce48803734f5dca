// The settings of an application, its usage, and its deletion.

import * as api from "../api.js";
import { fill, freshId, h, announce } from "../dom.js";
import { moment, plural } from "../format.js";
import { go, to } from "../router.js";
import { showApplication } from "../shell.js";
import { SignedOut } from "../session.js";
import { errorText } from "../ui/banner.js";
import { facts, field, heading } from "../ui/bits.js";
import { confirmDialog } from "../ui/dialog.js";
import { rangeDeletion } from "./telemetry-deletion.js";
import { usagePanel } from "./usage.js";

/**
 * @import { Application, ApplicationChange } from "../../types/openapi"
 * @import { Child } from "../../types/dom"
 */

const MAX_SHARDS = 16;

/** @type {import("../main.js").Page} */
export function settingsPage(outlet, { signal }, application) {
  outlet.classList.add("narrow");
  const mayChange = application.role !== "viewer";
  fill(
    outlet,
    heading("Settings"),
    mayChange && h("section.panel", { "aria-label": "General" }, general(application)),
    mayChange &&
      h(
        "section.panel",
        { "aria-labelledby": "telemetry" },
        h("h2", { id: "telemetry" }, "Telemetry"),
        telemetry(application),
      ),
    usagePanel(application, signal),
    h("section.panel", { "aria-labelledby": "about" }, h("h2", { id: "about" }, "About"), about(application)),
    application.role === "owner" &&
      h(
        "section.panel.grave",
        { "aria-labelledby": "delete" },
        h("h2", { id: "delete" }, "Delete"),
        rangeDeletion(application),
        deletion(application),
      ),
  );
}

/** @param {Application} application */
const about = ({ id, environment, role, createdAt }) =>
  facts([
    ["Application id", h("code", {}, id)],
    ["Environment", environment],
    ["Your role", role],
    ["Created", moment(createdAt)],
  ]);

/** @param {Application} application */
function general(application) {
  const name = h("input", {
    name: "name",
    required: true,
    maxlength: 80,
    value: application.name,
    autocomplete: "off",
  });
  return changeForm(application, [field(freshId("name"), "Name", name)], () => ({ name: name.value }));
}

const SCRUBBING = [
  ["on", "Remove before storing"],
  ["off", "Store as sent"],
];

/** @param {Application} application */
function telemetry(application) {
  const days = h("input.short", {
    type: "number",
    name: "days",
    min: 1,
    max: 90,
    required: true,
    value: application.retentionDays,
  });
  const shards = h("input.short", {
    type: "number",
    name: "shards",
    min: application.shards,
    max: MAX_SHARDS,
    required: true,
    value: application.shards,
  });
  const scrubbing = h(
    "select",
    { name: "scrubbing" },
    SCRUBBING.map(([value, text]) => h("option", { value, selected: value === application.scrubbing }, text)),
  );
  const chosen = () => /** @type {Application["scrubbing"]} */ (scrubbing.value);
  const changes = () => ({
    ...(chosen() !== application.scrubbing && { scrubbing: chosen() }),
    ...(Number(days.value) !== application.retentionDays && { retentionDays: Number(days.value) }),
    ...(Number(shards.value) !== application.shards && { shards: Number(shards.value) }),
  });
  return changeForm(
    application,
    [
      field(
        freshId("days"),
        "Retention in days",
        days,
        "1 to 90. A longer one applies to data that arrives from now on; a shorter one hides older data at once.",
      ),
      field(
        freshId("shards"),
        "Shards",
        shards,
        "1 to 16. Can only be increased. Each shard accepts about 14,000 spans per second.",
      ),
      field(
        freshId("scrubbing"),
        "Passwords, tokens, cookies and card numbers",
        scrubbing,
        "Applies to data that arrives from now on.",
      ),
    ],
    changes,
    (change) => hidesData(application, change),
  );
}

/**
 * The question before a change that hides data; null for others.
 *
 * @param {Application} application
 * @param {Partial<ApplicationChange>} change
 */
function hidesData({ retentionDays }, { retentionDays: days }) {
  if (days == null || days >= retentionDays) return null;
  const age = plural(days, "day");
  return {
    title: `Hide telemetry older than ${age}?`,
    text: `Traces, logs and metrics older than ${age} are no longer shown to anyone. Now they are kept for ${plural(retentionDays, "day")}.`,
    action: `Keep ${age} only`,
  };
}

/**
 * A form that can be submitted once a value has changed.
 *
 * @param {Application} application
 * @param {Child} fields
 * @param {() => Partial<ApplicationChange>} changes
 * @param {(change: Partial<ApplicationChange>) => { title: string, text: string, action: string } | null} [question]
 *   what to ask before a change
 */
function changeForm(application, fields, changes, question = () => null) {
  const submit = h("button.button", { disabled: true }, "Save");
  const errorLine = h("p.field-error", { role: "alert", hidden: true });
  const form = h("form.form", { novalidate: true }, fields, errorLine, h("footer", {}, submit));
  /** @type {Record<string, unknown>} */
  const current = application;
  const isChanged = () => Object.entries(changes()).some(([name, value]) => value !== current[name]);
  form.addEventListener("input", () => {
    submit.disabled = !isChanged();
  });
  /** @param {ApplicationChange} change */
  async function save(change) {
    Object.assign(application, await api.changeApplication(application.id, change));
    showApplication(application, "settings");
    announce("Saved.");
    submit.disabled = true;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity() || !isChanged()) return;
    const change = /** @type {ApplicationChange} */ (changes());
    const asked = question(change);
    if (asked) return void confirmDialog({ ...asked, save: () => save(change) });
    submit.disabled = true;
    errorLine.hidden = true;
    try {
      await save(change);
    } catch (error) {
      if (error instanceof SignedOut) return;
      errorLine.hidden = false;
      errorLine.textContent = errorText(error);
      submit.disabled = false;
    }
  });
  return form;
}

/** @param {Application} application */
function deletion(application) {
  const confirm = () =>
    confirmDialog({
      title: `Delete ${application.name}?`,
      text: "Its keys stop working within ten seconds, and its telemetry is deleted within a day. This cannot be undone.",
      action: "Delete permanently",
      typed: application.name,
      async save() {
        await api.deleteApplication(application.id);
        go(to("/applications"));
      },
    });
  return h(
    "div.split",
    {},
    h(
      "p.soft",
      {},
      "Revokes all keys. The telemetry becomes inaccessible at once, and is deleted within a day.",
    ),
    h("button.button.danger", { type: "button", on: { click: confirm } }, "Delete application"),
  );
}
