// The account page: a copy of everything stored about the user, and the deletion of the account.

import * as api from "../api.js";
import { announce, h } from "../dom.js";
import { Problem } from "../http.js";
import { forget } from "../session.js";
import { rememberReturn, startSignIn } from "../sign-in.js";
import { errorText } from "../ui/banner.js";
import { confirmDialog, formDialog } from "../ui/dialog.js";

/** @import { Me } from "../../types/openapi" */

/** The section with both actions. @param {AbortSignal} signal */
export function accountData(signal) {
  const errorLine = h("p.field-error", { role: "alert", hidden: true });
  const guarded = (/** @type {() => Promise<void>} */ action) => async () => {
    errorLine.hidden = true;
    try {
      await action();
    } catch (error) {
      if (signal.aborted) return;
      errorLine.hidden = false;
      errorLine.textContent = errorText(error);
    }
  };
  const button = (/** @type {string} */ kind, /** @type {string} */ text, /** @type {() => void} */ click) =>
    h(kind, { type: "button", on: { click } }, text);
  return h(
    "section.panel",
    { "aria-label": "Your data" },
    h("p.soft", {}, "A copy of everything that is stored about you, as JSON."),
    button(
      "button.button",
      "Download your data",
      guarded(() => download(signal)),
    ),
    h("p.soft", {}, "Deletes your profile, sessions, memberships and account activity."),
    button(
      "button.button.danger",
      "Delete account",
      guarded(async () => askToDelete(await api.me(signal))),
    ),
    errorLine,
  );
}

/** Saves all pages of the export as one file. @param {AbortSignal} signal */
async function download(signal) {
  const whole = await api.exportAccount(signal);
  const blob = new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" });
  const href = URL.createObjectURL(blob);
  h("a", { href, download: "upblit-account.json" }).click();
  // By then, the browser has begun to read the file.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
  announce("Your data was downloaded.");
}

/** @param {Me} me */
function askToDelete(me) {
  confirmDialog({
    title: "Delete your account?",
    text: "You are signed out everywhere and leave all applications. This cannot be undone. API keys that you created belong to their applications and stay valid.",
    action: "Delete account",
    typed: me.login,
    save: () => deleteUnlessAsked(me),
  });
}

/**
 * Deletes the account, unless a question comes first. Returns what to do next, which may be to ask it.
 *
 * @param {Me} me
 * @returns {Promise<() => void>}
 */
async function deleteUnlessAsked(me) {
  try {
    await api.deleteAccount();
    return leave;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.slug === "sign-in-again") return askToSignIn;
    if (error.slug === "sole-owner") return () => askToDeleteApplications(me, error.applications);
    throw error;
  }
}

/** @param {Me} me @param {{ id: string, name: string }[]} applications */
function askToDeleteApplications(me, applications) {
  confirmDialog({
    title: "Delete your applications, too?",
    text: [
      "Nobody else owns these applications. To keep one, cancel, and make another member an owner. Their keys stop working, and their telemetry is deleted.",
      h(
        "ul",
        {},
        applications.map(({ id, name }) => h("li", {}, name, " ", h("code", {}, id))),
      ),
    ],
    action: "Delete account and applications",
    typed: me.login,
    async save() {
      await api.deleteAccount("delete");
      return leave;
    },
  });
}

function askToSignIn() {
  formDialog({
    title: "Sign in again first",
    fields: h("p", {}, "You signed in more than ten minutes ago. Sign in again, then delete the account."),
    action: "Sign in again",
    async save() {
      rememberReturn(location.hash);
      await startSignIn();
    },
  });
}

/** Leaves the dashboard. All sessions have ended on the server. */
const leave = () => forget("account_deleted");
