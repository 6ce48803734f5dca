import { h } from "../dom.js";
import { count, duration, fullDay, moment, plural } from "../format.js";
import { errorText } from "../ui/banner.js";
import { pill, when } from "../ui/bits.js";
import { menu } from "../ui/menu.js";

/** @import { Key, KeyHealth, KeyWithHealth } from "../../types/openapi" */

/**
 * Actions in the menu of a key.
 *
 * @typedef {object} KeyActions
 * @property {(key: Key) => void} rotate
 * @property {(key: Key) => void} rename
 * @property {(key: Key) => Promise<void>} toggle disables an active key, enables a disabled one
 * @property {(key: Key) => void} revoke
 */

const MIN_SHOWN_SKEW_MS = 2_000;

const TONES = { active: "ok", disabled: "warn", expired: "", revoked: "" };

/** @type {Record<import("../../types/openapi").KeyScope, string>} */
const SCOPE_TEXTS = {
  "ingest:traces": "sends traces",
  "ingest:logs": "sends logs",
  "telemetry:read": "reads telemetry",
};

/**
 * Shows a key with its health and menu.
 *
 * @param {KeyWithHealth} key
 * @param {KeyActions | null} actions null if the user may only read
 */
export function keyRow(key, actions) {
  const isOver = key.status === "revoked";
  return h(
    "li.key",
    { class: isOver ? "over" : "" },
    h(
      "div.key-head",
      {},
      h("h2", {}, key.name),
      pill(key.status, TONES[key.status]),
      h("code.hint-text", {}, key.hint),
      !isOver && actions && actionMenu(key, actions),
    ),
    h(
      "p.key-facts",
      {},
      h("span", {}, key.scopes.map((scope) => SCOPE_TEXTS[scope]).join(" and ")),
      h("span", {}, "last used ", when(key.lastUsedAt)),
      h("span", {}, `created ${fullDay(key.createdAt)}`),
      key.expiresAt && h("span", {}, `expires ${fullDay(key.expiresAt)}`),
    ),
    key.previous &&
      h(
        "p.key-note",
        {},
        `The old secret ${key.previous.hint} works until ${moment(key.previous.validUntil)}; last used `,
        when(key.previous.lastUsedAt),
        ".",
      ),
    key.health && health(key.health),
  );
}

/** @param {Key} key @param {KeyActions} actions */
function actionMenu(key, actions) {
  const list = menu(`Actions for ${key.name}`, "⋯", { class: "to-left key-menu" });
  /** @param {string} text @param {() => void} action @param {string} [tone] */
  const item = (text, action, tone = "") =>
    h("button.menu-item", { type: "button", class: tone, on: { click: action } }, text);
  const errorLine = h("p.field-error", { role: "alert", hidden: true });
  const toggle = () =>
    actions.toggle(key).catch((/** @type {unknown} */ error) => {
      errorLine.hidden = false;
      errorLine.textContent = errorText(error);
    });
  list.body.append(
    item("Rotate…", () => actions.rotate(key)),
    item("Rename…", () => actions.rename(key)),
    ...(key.status === "expired" ? [] : [item(key.status === "disabled" ? "Enable" : "Disable", toggle)]),
    item("Revoke…", () => actions.revoke(key), "danger-text"),
  );
  return [list.element, errorLine];
}

/** Shows the key health of today and yesterday. @param {KeyHealth} health */
function health({
  accepted,
  truncated,
  scrubbed,
  rejected,
  rejectedBy,
  lastError,
  clockSkewMs,
  quotaUsedPercent,
  lastSeenAt,
}) {
  const reasons = Object.entries(rejectedBy).sort(([, a], [, b]) => b - a);
  const isSkewed =
    clockSkewMs !== null && clockSkewMs !== undefined && Math.abs(clockSkewMs) >= MIN_SHOWN_SKEW_MS;
  return h(
    "div.health",
    {},
    h(
      "p",
      {},
      h("span.health-dot", { class: rejected > 0 ? "warn" : "ok", "aria-hidden": "true" }),
      `${plural(accepted, "event")} accepted`,
      rejected > 0 && h("span.warn-text", {}, `, ${count(rejected)} rejected`),
      truncated > 0 && h("span.warn-text", {}, `, ${count(truncated)} cut to the size limits`),
      scrubbed > 0 && `, secrets removed from ${count(scrubbed)}`,
      " since yesterday, last request ",
      when(lastSeenAt),
    ),
    reasons.length > 0 &&
      h(
        "ul",
        {},
        reasons.map(([reason, times]) => h("li", {}, `${count(times)} × ${reason}`)),
      ),
    lastError &&
      h(
        "p",
        {},
        "Last error ",
        when(lastError.at),
        `: ${[lastError.reason, lastError.detail].filter(Boolean).join(", ")}`,
      ),
    quotaUsedPercent != null && h("p.warn-text", {}, quotaText(quotaUsedPercent)),
    isSkewed &&
      h(
        "p.warn-text",
        {},
        `The sender’s clock is ${duration(Math.abs(clockSkewMs))} ${clockSkewMs > 0 ? "ahead" : "behind"}.`,
      ),
  );
}

/** @param {number} used in percent */
const quotaText = (used) =>
  used < 100
    ? `${used} % of today’s quota is used. Beyond it, nothing is kept until midnight (UTC).`
    : "Today’s quota is used up. Nothing is kept until midnight (UTC).";
