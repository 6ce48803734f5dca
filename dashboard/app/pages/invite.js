// The link of an invite: shows what it is for, and accepts it.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { moment } from "../format.js";
import { Problem } from "../http.js";
import { go, to } from "../router.js";
import { SignedOut } from "../session.js";
import { errorText } from "../ui/banner.js";
import { emptyPage } from "../ui/bits.js";

/** @import { InvitePreview } from "../../types/openapi" */

/** @type {import("../main.js").Page} */
export async function invitePage(outlet, { params, signal }) {
  const { token } = params;
  try {
    const preview = await api.previewInvite(token, signal);
    fill(outlet, question(token, preview));
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    fill(outlet, notValid());
  }
}

const notValid = () =>
  emptyPage(
    "This invite is not valid",
    "It was used or withdrawn, or has expired. Ask the person who sent it for a new one.",
    h("a.button", { href: to("/applications") }, "Your applications"),
  );

/** @param {string} token @param {InvitePreview} preview */
function question(token, { applicationId, applicationName, role, invitedBy, expiresAt }) {
  const errorLine = h("p.field-error", { role: "alert", hidden: true });
  const accept = h("button.button.primary", { type: "button" }, "Accept");
  accept.addEventListener("click", async () => {
    accept.disabled = true;
    errorLine.hidden = true;
    try {
      await api.acceptInvite(token);
      // Replaces the address with the token in the history.
      go(to("/applications/{}/traces", applicationId), { replace: true });
    } catch (error) {
      if (error instanceof SignedOut) return;
      errorLine.hidden = false;
      errorLine.textContent = errorText(error);
      accept.disabled = false;
    }
  });
  return emptyPage(
    `Join ${applicationName}?`,
    [
      `${invitedBy ?? "A former member"} invites you as ${role}. The invite expires ${moment(expiresAt)}.`,
      errorLine,
    ],
    accept,
    h("a.button", { href: to("/applications") }, "Not now"),
  );
}
