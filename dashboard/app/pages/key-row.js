import { h } from "../dom.js";
import { count, duration, fullDay, moment, plural } from "../format.js";
import { words } from "../ui/banner.js";
import { pill, when } from "../ui/bits.js";
import { menu } from "../ui/menu.js";

/** @import { Key, KeyHealth, KeyWithHealth } from "../../types/openapi" */

/**
 * What the menu of a key can do.
 *
 * @typedef {object} Acts
 * @property {(key: Key) => void} rotate
 * @property {(key: Key) => void} rename
 * @property {(key: Key) => Promise<void>} toggle disables it, or enables it again
 * @property {(key: Key) => void} revoke
 */

const SKEW_WORTH_TELLING_MS = 2_000;

const TONES = { active: "ok", disabled: "warn", expired: "", revoked: "" };

/** One key, with what can be done to it. @param {KeyWithHealth} key @param {Acts} acts */
export function keyRow(key, acts) {
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
      !isOver && actionMenu(key, acts),
    ),
    h(
      "p.key-facts",
      {},
      h("span", {}, key.scopes.map((scope) => scope.replace("ingest:", "")).join(" and ")),
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

/** @param {Key} key @param {Acts} acts */
function actionMenu(key, acts) {
  const list = menu(`Actions for ${key.name}`, "⋯", { class: "to-left key-menu" });
  /** @param {string} text @param {() => void} action @param {string} [tone] */
  const item = (text, action, tone = "") =>
    h("button.menu-item", { type: "button", class: tone, on: { click: action } }, text);
  const trouble = h("p.field-trouble", { role: "alert", hidden: true });
  const toggle = () =>
    acts.toggle(key).catch((/** @type {unknown} */ error) => {
      trouble.hidden = false;
      trouble.textContent = words(error);
    });
  list.body.append(
    item("Rotate…", () => acts.rotate(key)),
    item("Rename…", () => acts.rename(key)),
    ...(key.status === "expired" ? [] : [item(key.status === "disabled" ? "Enable" : "Disable", toggle)]),
    item("Revoke…", () => acts.revoke(key), "danger-text"),
  );
  return [list.element, trouble];
}

/** How sending goes, of today and yesterday. @param {KeyHealth} health */
function health({ accepted, rejected, rejectedBy, lastError, clockSkewMs, lastSeenAt }) {
  const reasons = Object.entries(rejectedBy).sort(([, a], [, b]) => b - a);
  const isSkewed =
    clockSkewMs !== null && clockSkewMs !== undefined && Math.abs(clockSkewMs) >= SKEW_WORTH_TELLING_MS;
  return h(
    "div.health",
    {},
    h(
      "p",
      {},
      h("span.health-dot", { class: rejected > 0 ? "warn" : "ok", "aria-hidden": "true" }),
      `${plural(accepted, "event")} accepted`,
      rejected > 0 && h("span.warn-text", {}, `, ${count(rejected)} rejected`),
      " since yesterday, the last ",
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
        "Last trouble ",
        when(lastError.at),
        `: ${[lastError.reason, lastError.detail].filter(Boolean).join(", ")}`,
      ),
    isSkewed &&
      h(
        "p.warn-text",
        {},
        `The sender’s clock is ${duration(Math.abs(clockSkewMs))} ${clockSkewMs > 0 ? "ahead" : "behind"}.`,
      ),
  );
}
