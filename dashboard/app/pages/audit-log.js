// The audit log of an application or account, newest entry first.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { moment } from "../format.js";
import { errorBanner } from "../ui/banner.js";
import { empty, skeleton, when } from "../ui/bits.js";
import { textOfDeletion } from "./telemetry-deletion.js";

/** @import { ApplicationAuditLog, AuditEntry, AuditLog, Me, NamedUser } from "../../types/openapi" */

/** @type {Record<AuditEntry["action"], string>} */
const ACTION_TEXTS = {
  "application.created": "created the application",
  "application.renamed": "renamed the application",
  "application.retention_changed": "changed how long telemetry is kept",
  "application.shards_raised": "raised the number of shards",
  "application.scrubbing_changed": "changed whether telemetry is scrubbed",
  "application.deleted": "deleted the application",
  "telemetry.deleted": "deleted",
  "key.minted": "created the key",
  "key.renamed": "renamed the key",
  "key.disabled": "disabled the key",
  "key.enabled": "enabled the key",
  "key.rotated": "rotated the key",
  "key.revoked": "revoked the key",
  "invite.created": "invited someone",
  "invite.withdrawn": "withdrew an invite",
  "member.joined": "joined",
  "member.role_changed": "changed the role of",
  "member.removed": "removed",
  "member.left": "left",
  "session.opened": "signed in",
  "session.signed_out": "signed out",
  "session.revoked": "ended a session",
  "session.reuse_detected": "ended a session because a refresh token was reused",
  "session.recovered":
    "renewed a session for an older refresh token: a response was lost, or someone else has the token",
  "session.shared": "gave the refresh token of a session to a second browser or network",
  "account.blocked": "blocked the account",
  "account.unblocked": "ended the block of the account",
};
const SECURITY_ACTIONS = ["session.reuse_detected", "session.shared"];
/** @type {Record<string, string>} */
const SYSTEM_ACTORS = { upblit: "Upblit", "github-secret-scanning": "GitHub secret scanning" };

/**
 * @param {(query: { cursor: string | null }) => Promise<AuditLog | ApplicationAuditLog>} page
 * @param {AbortSignal} signal
 */
export function auditLog(page, signal) {
  const list = h("ol.rows.audit", { "aria-label": "Audit log" });
  const waiting = skeleton(4);
  const more = h(
    "button.button.more",
    { type: "button", hidden: true, on: { click: load } },
    "Show older entries",
  );
  const banner = errorBanner(load);
  const element = h("div.stack", {}, banner.element, waiting, more);
  /** @type {string | null} */
  let cursor = null;

  async function load() {
    more.disabled = true;
    try {
      const [response, me] = await Promise.all([page({ cursor }), api.me(signal)]);
      banner.show(null);
      cursor = response.nextCursor ?? null;
      const users = "users" in response ? response.users : [];
      list.append(...response.entries.map((entry) => row(entry, me, users)));
      show();
    } catch (error) {
      banner.show(error);
    }
    more.disabled = false;
  }

  function show() {
    const isEmpty = !list.firstChild;
    more.hidden = cursor === null;
    fill(
      element,
      banner.element,
      isEmpty
        ? empty("No entries yet", "Changes to keys and settings are listed here.")
        : h("section.panel.flush", {}, list),
      more,
    );
  }
  load();
  return element;
}

/** @param {AuditEntry} entry @param {Me} me @param {NamedUser[]} users whom the entries name */
function row({ at, actor, action, key, session, member, from, to, telemetry }, me, users) {
  const isBound = action === "invite.created" && member;
  const nameless = (/** @type {string} */ id) =>
    isBound && id === member ? `GitHub account ${id}` : `Deleted user ${id}`;
  const name = (/** @type {string} */ id) =>
    id === me.id ? "You" : (users.find((user) => user.id === id)?.name ?? nameless(id));
  const who = Object.hasOwn(SYSTEM_ACTORS, actor) ? SYSTEM_ACTORS[actor] : name(actor);
  const roles = [from && `from ${from}`, to && (from ? `to ${to}` : `as ${to}`)];
  const what = isBound ? "invited" : Object.hasOwn(ACTION_TEXTS, action) ? ACTION_TEXTS[action] : action;
  return h(
    "li.row.audit-row",
    { class: SECURITY_ACTIONS.includes(action) ? "grave" : "" },
    h(
      "span",
      {},
      h("b", {}, who),
      ` ${what}`,
      key && [" ", h("code", {}, key)],
      telemetry && textOfDeletion(telemetry),
      member && member !== actor && [" ", h("b", {}, name(member))],
      roles.filter(Boolean).map((role) => ` ${role}`),
      session && h("span.faint", {}, " ", h("code", {}, session.slice(0, 8))),
    ),
    h("span.at", {}, when(at), h("span.faint", {}, ` · ${moment(at)}`)),
  );
}
