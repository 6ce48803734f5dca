// The dashboard of a signed-in user: routes and the page frame.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { Problem } from "./http.js";
import { narrowPolicy } from "./policy.js";
import { go, start, to } from "./router.js";
import { SignedOut, followOtherTabs, leave } from "./session.js";
import { startShortcuts } from "./shortcuts.js";
import { endShell, showAccount, showApplication, startShell } from "./shell.js";
import { rememberReturn } from "./sign-in.js";
import { isSignedIn } from "./tokens.js";
import { chosenZone, showIn } from "./zone.js";
import { accountPage } from "./pages/account.js";
import { applicationsPage } from "./pages/applications.js";
import { auditPage } from "./pages/audit.js";
import { differencesPage } from "./pages/differences.js";
import { invitePage } from "./pages/invite.js";
import { keysPage } from "./pages/keys.js";
import { logsPage } from "./pages/logs.js";
import { membersPage } from "./pages/members.js";
import { metricsPage } from "./pages/metrics.js";
import { settingsPage } from "./pages/settings.js";
import { tracePage } from "./pages/trace.js";
import { tracesPage } from "./pages/traces.js";
import { emptyPage, updateTimes, skeleton } from "./ui/bits.js";
import { errorBanner } from "./ui/banner.js";

/**
 * @import { Application } from "../types/openapi"
 * @import { Visit } from "./router.js"
 * @import { User } from "./tokens.js"
 * @typedef {(outlet: HTMLElement, visit: Visit, application: Application) => void | Promise<void>} Page
 * @typedef {{ title: string, tab?: string, page: Page }} Route
 */

/** @type {Record<string, Route>} */
const ROUTES = {
  "/": { title: "Applications", page: applicationsPage },
  "/applications": { title: "Applications", page: applicationsPage },
  "/applications/{id}": { title: "Traces", tab: "traces", page: toTraces },
  "/applications/{id}/traces": { title: "Traces", tab: "traces", page: tracesPage },
  "/applications/{id}/traces/{trace}": { title: "Trace", tab: "traces", page: tracePage },
  "/applications/{id}/differences": { title: "What is different", tab: "traces", page: differencesPage },
  "/applications/{id}/logs": { title: "Logs", tab: "logs", page: logsPage },
  "/applications/{id}/metrics": { title: "Metrics", tab: "metrics", page: metricsPage },
  "/applications/{id}/keys": { title: "Keys", tab: "keys", page: keysPage },
  "/applications/{id}/members": { title: "Members", tab: "members", page: membersPage },
  "/applications/{id}/audit": { title: "Audit", tab: "audit", page: auditPage },
  "/applications/{id}/settings": { title: "Settings", tab: "settings", page: settingsPage },
  "/invites/{token}": { title: "Invite", page: invitePage },
  "/account": { title: "Account", page: accountPage },
};

const main = /** @type {HTMLElement} */ (document.getElementById("main"));

/** The current application, shared by its pages. @type {Application | null} */
let current = null;

/** @param {string | undefined} id @param {AbortSignal} signal */
async function loadApplication(id, signal) {
  if (id !== current?.id) current = null;
  if (id) current ??= await api.application(id, signal);
  return current;
}

/** @param {Route | null} route @param {Visit} visit @param {boolean} isFirst */
async function show(route, visit, isFirst) {
  scrollTo(0, 0);
  showIn(chosenZone(visit.query));
  fill(main, skeleton());
  document.title = `${route?.title ?? "Not found"} · Upblit`;
  try {
    const application = await loadApplication(visit.params.id, visit.signal);
    if (visit.signal.aborted) return;
    showApplication(application, route?.tab);
    if (application) document.title = `${route?.title} · ${application.name} · Upblit`;
    const outlet = h("div.page");
    fill(main, outlet);
    await (route?.page ?? notFound)(outlet, visit, /** @type {Application} */ (application));
    // Screen readers announce the focused heading. They announce the first page by themselves.
    if (!isFirst) main.querySelector("h1")?.focus({ preventScroll: true });
  } catch (error) {
    if (!visit.signal.aborted && !(error instanceof SignedOut)) fail(error, route, visit);
  }
}

/** @param {unknown} error @param {Route | null} route @param {Visit} visit */
function fail(error, route, visit) {
  if (error instanceof Problem && error.status === 404) {
    showApplication(null);
    return fill(main, visit.params.id ? noAccessNote() : notFoundNote());
  }
  const banner = errorBanner(() => show(route, visit, true));
  banner.show(error);
  fill(main, banner.element, skeleton());
}

/** @param {HTMLElement} outlet */
const notFound = (outlet) => fill(outlet, notFoundNote());

const noAccessNote = () =>
  emptyPage(
    "You have no access",
    "Ask an owner of the application to invite you, or check the address. It may also have been deleted.",
    h("a.button", { href: to("/applications") }, "Your applications"),
  );

const notFoundNote = () =>
  emptyPage(
    "Page not found",
    "There is no page at this address.",
    h("a.button", { href: to("/applications") }, "Your applications"),
  );

/** @type {Page} */
function toTraces(_outlet, _visit, { id }) {
  go(to("/applications/{}/traces", id), { replace: true });
}

/** Replaces all data of the account that this page has shown. @param {User} user who is signed in now */
function showAccountChange({ name }) {
  stop();
  endShell();
  document.title = "The account has changed · Upblit";
  const reload = h("button.button.primary", { type: "button" }, "Reload");
  reload.addEventListener("click", () => location.reload());
  // Only the fragment changes with the link home and with "Back", which would show nothing.
  addEventListener("hashchange", () => location.reload());
  fill(
    main,
    emptyPage(
      "The account has changed",
      `You are now signed in as ${name}. This tab showed another account.`,
      reload,
    ),
  );
  main.querySelector("h1")?.focus();
}

let stop = () => {};

function begin() {
  narrowPolicy();
  if (!isSignedIn()) {
    rememberReturn(location.hash);
    return leave();
  }
  followOtherTabs(showAccountChange);
  startShell();
  startShortcuts(main);
  updateTimes();
  stop = start(ROUTES, show);
  showAccount();
}

begin();
