// The account page: sessions, audit log and data of the signed-in user.

import * as api from "../api.js";
import { fill, h, keyed, announce } from "../dom.js";
import { fullDay, userAgent } from "../format.js";
import { keepFresh } from "../live.js";
import { signOut } from "../session.js";
import { errorBanner } from "../ui/banner.js";
import { heading, pill, skeleton, when } from "../ui/bits.js";
import { confirmDialog } from "../ui/dialog.js";
import { accountData } from "./account-data.js";
import { auditLog } from "./audit-log.js";

/** @import { Session } from "../../types/openapi" */

const PAUSE_MS = 6_000;

/** @type {import("../main.js").Page} */
export function accountPage(outlet, { signal }) {
  const list = h("ul.rows", { "aria-label": "Sessions" });
  const body = h("div.stack", {}, skeleton(2));
  const changed = () => fresh.refresh();
  const others = h(
    "button.button",
    { type: "button", hidden: true, on: { click: () => endOthers(changed) } },
    "Sign out everywhere else",
  );

  async function load() {
    const { sessions } = await api.sessions(signal);
    if (list.parentNode?.parentNode !== body) fill(body, h("section.panel.flush", {}, list));
    others.hidden = sessions.length < 2;
    const sorted = [...sessions].sort((a, b) => Number(b.current) - Number(a.current));
    keyed(
      list,
      sorted,
      ({ id }) => id,
      (session) => row(session, changed),
    );
  }

  const banner = errorBanner(changed);
  fill(
    outlet,
    heading("Sessions", others),
    banner.element,
    body,
    h("div.heading.minor", {}, h("h2", {}, "Account activity")),
    auditLog((query) => api.accountAudit(query, signal), signal),
    h("div.heading.minor", {}, h("h2", {}, "Your data")),
    accountData(signal),
  );
  const fresh = keepFresh({ load, pauseMs: () => PAUSE_MS, signal, failed: banner.show });
}

/** @param {Session} session @param {() => void} changed */
function row(session, changed) {
  const { id, userAgent: agent, current, createdAt, lastUsedAt, expiresAt } = session;
  const device = userAgent(agent);
  const end = () =>
    current
      ? signOut()
      : confirmDialog({
          title: `End the session of ${device}?`,
          text: "The device is signed out within 15 minutes.",
          action: "End session",
          async save() {
            await api.endSession(id);
            announce("The session has ended.");
            changed();
          },
        });
  return h(
    "li.row.session-row",
    {},
    h(
      "div",
      {},
      h("b", { title: agent }, device),
      " ",
      current && pill("this device", "accent"),
      h(
        "p.faint.small",
        {},
        lastUsedAt && ["last used ", when(lastUsedAt), " · "],
        `signed in ${fullDay(createdAt)}`,
        expiresAt && ` · expires ${fullDay(expiresAt)} unless used`,
      ),
    ),
    h(
      "button.button.small",
      {
        type: "button",
        "aria-label": current ? "Sign out here" : `End the session of ${device}`,
        on: { click: end },
      },
      current ? "Sign out" : "End",
    ),
  );
}

/** @param {() => void} changed */
function endOthers(changed) {
  confirmDialog({
    title: "Sign out everywhere else?",
    text: "All sessions except this one end. The other devices are signed out within 15 minutes.",
    action: "Sign out others",
    async save() {
      await api.endOtherSessions();
      announce("All other sessions have ended.");
      changed();
    },
  });
}
