// Deletion of a trace, and of the telemetry of a time range, by an owner.

import * as api from "../api.js";
import { h } from "../dom.js";
import { moment, plural, timeRange } from "../format.js";
import { go, to } from "../router.js";
import { withTime } from "../timespan.js";
import { inputValue, nameOfZone, shownZone, timeOfInput } from "../zone.js";
import { confirmDialog, formDialog } from "../ui/dialog.js";
import { menu } from "../ui/menu.js";

/**
 * @import { Application, Deletion } from "../../types/openapi"
 * @typedef {(query: { cursor: string | null }) => Promise<Deletion>} Part
 */

const HOUR_MS = 3_600_000;
const GAPS = "Some telemetry cannot be read, and was not deleted. It expires.";

/**
 * Requests part after part until everything is deleted, or the dialog with the progress is closed.
 *
 * @param {Part} part
 * @param {HTMLElement} progress
 */
async function deleteAll(part, progress) {
  let deleted = 0;
  let hasGaps = false;
  /** @type {string | null} */
  let cursor = null;
  do {
    progress.hidden = false;
    progress.textContent = `Deleting. ${plural(deleted, "event")} deleted so far.`;
    const response = await part({ cursor });
    deleted += response.deletedEvents;
    hasGaps ||= response.gaps.length > 0;
    cursor = response.nextCursor ?? null;
  } while (cursor && progress.isConnected);
  return { deleted, hasGaps };
}

/** @param {{ deleted: number, hasGaps: boolean }} outcome */
const textOf = ({ deleted, hasGaps }) => `${plural(deleted, "event")} deleted. ${hasGaps ? GAPS : ""}`;

const progressLine = () => h("span.note", { role: "status", hidden: true });

/** The menu of a trace, for owners. @param {Application} application @param {string} traceId */
export function traceMenu(application, traceId) {
  if (application.role !== "owner") return null;
  const list = menu("Actions for this trace", "⋯", { class: "to-left" });
  const progress = progressLine();
  const confirm = () =>
    confirmDialog({
      title: "Delete this trace?",
      text: [
        "Its spans and log records are removed from everything that is stored. This cannot be undone, and can take some minutes.",
        progress,
      ],
      action: "Delete trace",
      async save() {
        await deleteAll(({ cursor }) => api.deleteTrace(traceId, application.id, cursor), progress);
        return () => go(withTime(to("/applications/{}/traces", application.id)));
      },
    });
  list.body.append(
    h("button.menu-item.danger-text", { type: "button", on: { click: confirm } }, "Delete this trace…"),
  );
  return list.element;
}

/** The deletion of a time range, in the settings. @param {Application} application */
export function rangeDeletion(application) {
  const outcome = h("span.note", { role: "status", hidden: true });
  return [
    h(
      "div.split",
      {},
      h("p.soft", {}, "Deletes the traces and log records of a time range."),
      h(
        "button.button.danger",
        { type: "button", on: { click: () => askForRange(application, outcome) } },
        "Delete telemetry…",
      ),
    ),
    outcome,
  ];
}

/** @param {Application} application @param {HTMLElement} outcome where the result is shown */
function askForRange(application, outcome) {
  const progress = progressLine();
  const [from, end] = [
    ["From", Date.now() - HOUR_MS],
    ["To", Date.now()],
  ].map(([label, at]) =>
    h("input", {
      type: "datetime-local",
      step: 1,
      required: true,
      "aria-label": label,
      value: inputValue(Number(at)),
    }),
  );
  const times = () => {
    const start = timeOfInput(from.value);
    return { start, until: timeOfInput(end.value) };
  };
  formDialog({
    title: "Delete telemetry",
    action: "Delete permanently",
    danger: true,
    fields: [
      h(
        "p",
        {},
        `Spans and log records that started in this range are deleted. This cannot be undone. Times are in ${nameOfZone(shownZone(), Date.now())}.`,
      ),
      h("label", {}, "From ", from),
      h("label", {}, "To ", end),
      progress,
    ],
    ready: () => times().start < times().until,
    async save() {
      const { start, until } = times();
      const range = { from: new Date(start).toISOString(), to: new Date(until).toISOString() };
      const part = (/** @type {{ cursor: string | null }} */ { cursor }) =>
        api.deleteTelemetry({ applicationId: application.id, ...range, cursor });
      const done = await deleteAll(part, progress);
      return () => {
        outcome.hidden = false;
        outcome.textContent = `${timeRange(start, until)}: ${textOf(done)}`;
      };
    },
  });
}

/**
 * What an entry of the audit log says about a deletion.
 *
 * @param {NonNullable<import("../../types/openapi").AuditEntry["telemetry"]>} telemetry
 */
export function textOfDeletion({ traceId, from, to: until, signal, events }) {
  const what = traceId
    ? [" of trace ", h("code", {}, traceId)]
    : [` from ${moment(from ?? "")} to ${moment(until ?? "")}`];
  return [" ", plural(events, "event"), signal ? ` (${signal})` : "", ...what];
}
