// An audit trail: of an application, or of an account.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { moment } from "../format.js";
import { troubleBanner } from "../ui/banner.js";
import { empty, skeleton, when } from "../ui/bits.js";

/** @import { AuditEntry, AuditTrail, Me } from "../../types/openapi" */

/** @type {Record<AuditEntry["action"], string>} */
const WORDS = {
  "application.created": "created the application",
  "application.renamed": "renamed the application",
  "application.retention_changed": "changed how long telemetry is kept",
  "application.shards_raised": "raised the number of shards",
  "application.deleted": "deleted the application",
  "key.minted": "created the key",
  "key.renamed": "renamed the key",
  "key.disabled": "disabled the key",
  "key.enabled": "enabled the key",
  "key.rotated": "rotated the key",
  "key.revoked": "revoked the key",
  "session.opened": "signed in",
  "session.signed_out": "signed out",
  "session.revoked": "ended a session",
  "session.reuse_detected": "ended a session, because a used refresh token came again",
  "session.code_replayed": "ended a session, because its sign-in code came again",
};
const GRAVE = ["session.reuse_detected", "session.code_replayed"];
/** @type {Record<string, string>} */
const OTHERS = { upblit: "Upblit", "github-secret-scanning": "GitHub secret scanning" };

/**
 * @param {(question: { cursor: string | null }) => Promise<AuditTrail>} page
 * @param {AbortSignal} signal
 */
export function trail(page, signal) {
  const list = h("ol.rows.audit", { "aria-label": "Audit trail" });
  const waiting = skeleton(4);
  const more = h(
    "button.button.more",
    { type: "button", hidden: true, on: { click: load } },
    "Show older entries",
  );
  const banner = troubleBanner(load);
  const element = h("div.stack", {}, banner.element, waiting, more);
  /** @type {string | null} */
  let cursor = null;

  async function load() {
    more.disabled = true;
    try {
      const [answer, me] = await Promise.all([page({ cursor }), api.me(signal)]);
      banner.show(null);
      cursor = answer.nextCursor ?? null;
      list.append(...answer.entries.map((entry) => row(entry, me)));
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
        ? empty("Nothing happened yet", "Changes to keys and settings are listed here.")
        : h("section.panel.flush", {}, list),
      more,
    );
  }
  load();
  return element;
}

/** @param {AuditEntry} entry @param {Me} me */
function row({ at, actor, action, key, session }, me) {
  const who = Object.hasOwn(OTHERS, actor) ? OTHERS[actor] : actor === me.id ? "You" : `User ${actor}`;
  const what = Object.hasOwn(WORDS, action) ? WORDS[action] : action;
  return h(
    "li.row.audit-row",
    { class: GRAVE.includes(action) ? "grave" : "" },
    h(
      "span",
      {},
      h("b", {}, who),
      ` ${what}`,
      key && [" ", h("code", {}, key)],
      session && h("span.faint", {}, " ", h("code", {}, session.slice(0, 8))),
    ),
    h("span.at", {}, when(at), h("span.faint", {}, ` · ${moment(at)}`)),
  );
}
