// The getting-started page: sign in, an application, a key, a first trace.
// Data reaches the page through textContent only.
"use strict";

const REASONS = {
  access_denied: "You cancelled the sign-in on GitHub.",
  invalid_request: "That sign-in link was not complete. Please start again.",
  invalid_state: "That sign-in was started somewhere else, or it was already used. Please start again.",
  login_expired: "The sign-in took more than ten minutes. Please start again.",
  email_unverified: "GitHub has no verified e-mail address for your account. Verify one on GitHub, then sign in again.",
  github_unavailable: "GitHub did not answer. Please try again in a moment.",
  github_error: "GitHub refused the sign-in. Please try again; if it stays, check the app's client id and secret.",
  unavailable: "Signing in is not possible right now. Please try again in a moment.",
  session_expired: "Your session has ended. Please sign in again.",
};

const byId = (id) => document.getElementById(id);
const show = (id, visible = true) => { byId(id).hidden = !visible; };

/** A problem to tell the user about, in their words. */
class Trouble extends Error {}

/** The session is over; the browser is on its way to the login page. */
class SignedOut extends Error {}

const session = {
  get token() { return localStorage.getItem("token"); },
  get refreshToken() { return localStorage.getItem("refreshToken"); },
  keep(token, refreshToken) {
    if (token) localStorage.setItem("token", token);
    if (refreshToken) localStorage.setItem("refreshToken", refreshToken);
  },
  forget() {
    localStorage.removeItem("token");
    localStorage.removeItem("refreshToken");
  },
};

// ---- Talking to the API ----

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Trouble("The server did not answer. Is cargo run still running?");
  }
}

const withToken = (options) => ({
  ...options,
  headers: { ...options.headers, authorization: `Bearer ${session.token}` },
});

/** Calls the API as the signed-in user; renews an expired token once. */
async function call(path, options = {}) {
  let response = await send(path, withToken(options));
  if (response.status === 401) {
    await renew();
    response = await send(path, withToken(options));
  }
  if (response.status === 401) endSession();
  if (!response.ok) throw await trouble(response);
  return response.status === 204 ? null : response.json();
}

let renewing = null;

/** One renewal at a time, however many calls need it. */
function renew() {
  renewing ??= renewNow().finally(() => { renewing = null; });
  return renewing;
}

async function renewNow() {
  if (!session.refreshToken) endSession();
  const response = await send("/refresh", post({ refreshToken: session.refreshToken }));
  // Only these two say that the session is over; anything else is the server's trouble.
  if (response.status === 400 || response.status === 401) endSession();
  if (!response.ok) throw await trouble(response);
  const renewed = await response.json();
  session.keep(renewed.token, renewed.refreshToken);
}

function endSession() {
  session.forget();
  location.replace("/login?reason=session_expired");
  throw new SignedOut();
}

const post = (body) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

async function trouble(response) {
  const problem = await response.json().catch(() => ({}));
  return new Trouble(problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
}

// ---- Coming back from sign-in ----

/** Takes the tokens out of the address; returns whether the browser moves on to another page. */
function takeTokens() {
  // The fragment, or the query string when the server runs with TOKEN_HANDOFF=query.
  const handed = new URLSearchParams(location.hash.slice(1) || location.search.slice(1));
  history.replaceState(null, "", "/");
  session.keep(handed.get("token"), handed.get("refreshToken") ?? handed.get("refresh"));
  const target = pathOnThisSite(handed.get("returnTo"));
  if (target) location.replace(target);
  return Boolean(target);
}

function pathOnThisSite(path) {
  if (!path || !path.startsWith("/")) return null;
  const url = new URL(path, location.origin);
  return url.origin === location.origin && url.pathname !== "/" ? url.pathname + url.search + url.hash : null;
}

// ---- The page ----

function notice(text) {
  byId("notice").textContent = text;
  show("notice", Boolean(text));
}

/** Tells a screen reader what sighted users see happen. */
function say(text) {
  byId("said").textContent = text;
}

/** Runs one thing the user asked for: its button waits, its trouble is shown. */
async function perform(button, action) {
  button.disabled = true;
  notice("");
  try {
    await action();
  } catch (error) {
    if (error instanceof SignedOut) return;
    notice(error instanceof Trouble ? error.message : "Something went wrong on this page. Please reload it.");
    if (!(error instanceof Trouble)) throw error;
  } finally {
    button.disabled = false;
  }
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function applicationRow(application) {
  const mint = element("button", "Create a key", "quiet");
  mint.type = "button";
  mint.setAttribute("aria-label", `Create a key for ${application.name}`);
  mint.addEventListener("click", () => perform(mint, () => mintKey(application)));
  const about = element("div", "");
  const since = new Date(application.createdAt).toLocaleDateString();
  about.append(
    element("strong", application.name),
    element("span", `${application.environment} · ${application.role} · since ${since}`, "soft"),
  );
  const row = element("li", "");
  row.append(about, mint);
  return row;
}

async function listApplications() {
  const { applications } = await call("/applications");
  byId("applications").replaceChildren(...applications.map(applicationRow));
  show("no-applications", applications.length === 0);
}

async function createApplication(form) {
  const { name } = await call("/applications", post({ name: form.elements.name.value }));
  form.reset();
  await listApplications();
  say(`${name} was created.`);
}

// Kept here alone: leaving the page forgets the key.
let key = null;

async function mintKey(application) {
  key = await call(`/apikey?ApplicationId=${encodeURIComponent(application.id)}`, { method: "POST" });
  byId("key-application").textContent = application.name;
  byId("key").textContent = key;
  byId("curl").textContent = curlCommand(exampleTrace());
  show("answer", false);
  show("key-card");
  show("send-card");
  byId("key-title").focus();
  byId("key-card").scrollIntoView();
}

function exampleTrace() {
  const hex = (bytes) =>
    Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) => b.toString(16).padStart(2, "0")).join("");
  return {
    traces: [{
      timestamp: new Date().toISOString(),
      requestMethod: "GET",
      requestURL: "/hello",
      responseStatus: 200,
      traceId: hex(16),
      spanId: hex(8),
      parentSpanId: null,
      durationMs: 12.5,
    }],
  };
}

const curlCommand = (body) => [
  `curl ${location.origin}/ingest/traces \\`,
  `  -H 'x-api-key: ${key}' \\`,
  `  --json '${JSON.stringify(body, null, 2)}'`,
].join("\n");

async function sendTrace() {
  const options = post(exampleTrace());
  options.headers["x-api-key"] = key;
  const response = await send("/ingest/traces", options);
  const body = await response.json().catch(() => null);
  byId("answer").textContent = `${response.status} ${JSON.stringify(body)}`;
  show("answer");
  say(response.ok ? "The trace was accepted." : "The trace was refused.");
}

async function copy(button) {
  const label = "Copy";
  try {
    await navigator.clipboard.writeText(byId(button.dataset.copies).textContent);
    button.textContent = "Copied";
    say("Copied.");
  } catch {
    // No permission, or not a secure page: leave it selected for the keyboard.
    getSelection().selectAllChildren(byId(button.dataset.copies));
    say("Selected. Copy it with the keyboard.");
  }
  setTimeout(() => { button.textContent = label; }, 2000);
}

async function signOut() {
  await send("/logout", post({ refreshToken: session.refreshToken }));
  session.forget();
  location.replace("/");
}

function listen() {
  const create = byId("create");
  create.addEventListener("submit", (event) => {
    event.preventDefault();
    perform(create.querySelector("button"), () => createApplication(create));
  });
  byId("send").addEventListener("click", () => perform(byId("send"), sendTrace));
  byId("sign-out").addEventListener("click", () => perform(byId("sign-out"), signOut));
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", () => copy(button));
  }
}

async function showAccount() {
  const me = await call("/me");
  byId("user-name").textContent = me.name ?? me.login ?? "Signed in";
  const avatar = byId("avatar");
  avatar.addEventListener("load", () => show("avatar"));
  if (me.avatar) avatar.src = me.avatar;
  show("account");
}

async function start() {
  listen();
  if (location.pathname === "/oauth-success" && takeTokens()) return;
  const reason = new URLSearchParams(location.search).get("reason");
  if (location.pathname === "/login" || !session.token) {
    if (reason) notice(REASONS[reason] ?? "Signing in did not work. Please try again.");
    show("signed-out");
    return;
  }
  show("signed-in");
  await perform(byId("sign-out"), () => Promise.all([showAccount(), listApplications()]));
}

start();
