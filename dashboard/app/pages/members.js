// The members of an application and its open invites.

import * as api from "../api.js";
import { announce, fill, freshId, h } from "../dom.js";
import { fullDay, moment } from "../format.js";
import { go, to } from "../router.js";
import { errorBanner, errorText } from "../ui/banner.js";
import { empty, field, heading, pill, skeleton } from "../ui/bits.js";
import { copyButton } from "../ui/copy-button.js";
import { confirmDialog, formDialog, openDialog } from "../ui/dialog.js";
import { plus } from "../ui/icons.js";

/** @import { Application, Invite, Me, Member, Role } from "../../types/openapi" */

/** @type {{ role: Role, text: string }[]} */
const ROLES = [
  { role: "viewer", text: "Viewer: reads" },
  { role: "member", text: "Member: also changes keys, name and settings" },
  { role: "owner", text: "Owner: also invites and removes people, and deletes the application" },
];

/** @type {import("../main.js").Page} */
export function membersPage(outlet, { signal }, application) {
  const isOwner = application.role === "owner";
  const body = h("div.stack", {}, skeleton(3));
  const banner = errorBanner(load);

  async function load() {
    try {
      const [me, { members }, { invites }] = await Promise.all([
        api.me(signal),
        api.members(application.id, signal),
        api.invites(application.id, signal),
      ]);
      banner.show(null);
      const context = { application, me, isOwner, members, changed: load };
      fill(
        body,
        list(
          "Members",
          members.map((member) => memberRow(member, context)),
        ),
        h("div.heading.minor", {}, h("h2", {}, "Open invites")),
        invites.length === 0
          ? empty("No open invites", "An invite is a link that one person can accept within seven days.")
          : list(
              "Open invites",
              invites.map((invite) => inviteRow(invite, context)),
            ),
      );
    } catch (error) {
      if (!signal.aborted) banner.show(error);
    }
  }

  const create = h(
    "button.button.primary",
    { type: "button", on: { click: () => inviteDialog(application, load) } },
    plus(),
    "Invite",
  );
  fill(outlet, heading("Members", isOwner && create), banner.element, body);
  load();
}

/** @param {string} name @param {HTMLElement[]} rows */
const list = (name, rows) => h("section.panel.flush", {}, h("ul.rows", { "aria-label": name }, rows));

/**
 * @typedef {object} Context
 * @property {Application} application
 * @property {Me} me
 * @property {boolean} isOwner whether the user may change members and invites
 * @property {Member[]} members
 * @property {() => void} changed
 */

/** @param {Member} member */
const nameOf = ({ name, login }) => name ?? login ?? "Deleted user";

/** @param {Member} member @param {Context} context */
function memberRow(member, context) {
  const { me, isOwner } = context;
  const isSelf = member.userId === me.id;
  const name = nameOf(member);
  return h(
    "li.row.session-row",
    {},
    h(
      "div",
      {},
      h("b", {}, name),
      " ",
      isSelf && pill("you", "accent"),
      h("p.faint.small", {}, member.login && `${member.login} · `, `since ${fullDay(member.joinedAt)}`),
    ),
    h(
      "div.toolbar",
      {},
      isOwner ? roleChoice(member, context) : pill(member.role),
      (isOwner || isSelf) &&
        h(
          "button.button.small",
          {
            type: "button",
            "aria-label": isSelf ? "Leave the application" : `Remove ${name}`,
            on: { click: () => confirmRemoval(member, isSelf, context) },
          },
          isSelf ? "Leave" : "Remove",
        ),
    ),
  );
}

/** @param {Member} member @param {Context} context */
function roleChoice(member, { application, me, changed }) {
  const choice = h(
    "select",
    { "aria-label": `Role of ${nameOf(member)}` },
    ROLES.map(({ role }) => h("option", { value: role, selected: role === member.role }, role)),
  );
  const errorLine = h("p.field-error", { role: "alert", hidden: true });
  choice.addEventListener("change", async () => {
    const role = /** @type {Role} */ (choice.value);
    errorLine.hidden = true;
    try {
      await api.changeMember(application.id, member.userId, role);
      announce(`${nameOf(member)} is ${role} now.`);
      if (member.userId === me.id) location.reload();
      else changed();
    } catch (error) {
      choice.value = member.role;
      errorLine.hidden = false;
      errorLine.textContent = errorText(error);
    }
  });
  return [choice, errorLine];
}

/** @param {Member} member @param {boolean} isSelf @param {Context} context */
function confirmRemoval(member, isSelf, { application, changed }) {
  const name = nameOf(member);
  confirmDialog({
    title: isSelf ? `Leave ${application.name}?` : `Remove ${name}?`,
    text: isSelf
      ? "You can no longer see the application, unless an owner invites you again. Keys that you created stay valid."
      : "This person loses access to the application at once. Keys that the person created stay valid.",
    action: isSelf ? "Leave" : "Remove",
    async save() {
      await api.removeMember(application.id, member.userId);
      if (isSelf) go(to("/applications"));
      else changed();
    },
  });
}

/** @param {Invite} invite @param {Context} context */
function inviteRow(invite, { application, isOwner, members, changed }) {
  const by = members.find(({ userId }) => userId === invite.invitedBy);
  const withdraw = () =>
    confirmDialog({
      title: "Withdraw the invite?",
      text: "Its link can no longer be accepted.",
      action: "Withdraw",
      async save() {
        await api.withdrawInvite(application.id, invite.id);
        changed();
      },
    });
  return h(
    "li.row.session-row",
    {},
    h(
      "div",
      {},
      h("b", {}, `For ${invite.githubLogin ? `${invite.githubLogin} as` : "a new"} ${invite.role}`),
      h(
        "p.faint.small",
        {},
        `by ${by ? nameOf(by) : "a former member"} on ${fullDay(invite.createdAt)} · expires ${moment(invite.expiresAt)}`,
      ),
    ),
    isOwner && h("button.button.small", { type: "button", on: { click: withdraw } }, "Withdraw"),
  );
}

/** @param {Application} application @param {() => void} changed */
function inviteDialog(application, changed) {
  const role = h(
    "select",
    { name: "role" },
    ROLES.map(({ role, text }) => h("option", { value: role }, text)),
  );
  const login = h("input", {
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: 39,
  });
  formDialog({
    title: `Invite someone to ${application.name}`,
    action: "Create link",
    fields: [
      field(freshId("role"), "Role", role),
      field(
        freshId("login"),
        "GitHub account (optional)",
        login,
        "Only this account can accept the link. Without it, anyone who has the link can.",
      ),
    ],
    async save() {
      const githubLogin = login.value.trim() || undefined;
      const body = { role: /** @type {Role} */ (role.value), githubLogin };
      const { token } = await api.createInvite(application.id, body);
      return () => showLink(token, changed);
    },
  });
}

/**
 * Shows the link of a new invite, which cannot be shown again.
 *
 * @param {string} token
 * @param {() => void} closed
 */
function showLink(token, closed) {
  const { body, close } = openDialog("The invite", { closed });
  // The token is in the fragment, which no server sees.
  const link = new URL(to("/invites/{}", token), document.baseURI).href;
  const text = h("code.key-text", {}, link);
  fill(
    body,
    h(
      "p.soft",
      {},
      "Send this link to one person. It works once, within seven days, and is not shown again.",
    ),
    text,
    h(
      "footer",
      {},
      copyButton(() => link, { label: "Copy link", source: () => text }),
      h("button.button.primary", { type: "button", on: { click: close } }, "Done"),
    ),
  );
}
