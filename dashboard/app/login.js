// The sign-in page. It shows why a sign-in failed or is required.

import { h, fill } from "./dom.js";
import { github, logo } from "./ui/icons.js";
import { narrowPolicy } from "./policy.js";
import { startSignIn } from "./sign-in.js";
import { isSignedIn } from "./tokens.js";

/** @type {Record<string, string>} */
const REASONS = {
  access_denied: "You cancelled the sign-in on GitHub.",
  invalid_request: "The sign-in link is incomplete. Please start again.",
  invalid_state: "This sign-in was started in another browser or has already been used. Please start again.",
  login_expired: "The sign-in took more than ten minutes. Please start again.",
  email_unverified:
    "GitHub has no verified e-mail address for your account. Verify one on GitHub, then sign in again.",
  not_allowed: "Your GitHub account is not allowed to sign in here. What helps:",
  github_forbidden: "GitHub did not let this app read your account. One of these is the cause:",
  github_unavailable: "GitHub did not respond. Please try again in a moment.",
  github_error:
    "GitHub refused the sign-in. Please try again. If the problem persists, check the app’s client id and secret.",
  internal_error: "Signing in does not work because of an error on our side. Please contact the operator.",
  unavailable: "Signing in is not possible right now. Please try again in a moment.",
  invalid_link: "This sign-in link is damaged or has expired. Please sign in again.",
  account_deleted: "Your account is deleted. If you sign in again, you start with a new one.",
  session_expired: "Your session has ended. Please sign in again.",
};

/** Possible causes, which the API does not distinguish, or what helps. @type {Record<string, string[]>} */
const CAUSES = {
  not_allowed: [
    "Ask the person who gave you this address, or who runs Upblit for your team, to allow your GitHub account, one of your organizations, or the domain of your e-mail address.",
    "If you have another GitHub account that is allowed, sign out at github.com first: GitHub uses the account that is signed in there.",
  ],
  github_forbidden: [
    "The app may not read e-mail addresses. Its owner has to give it this permission.",
    "Your organization restricts the app. An owner of the organization has to approve it on GitHub.",
    "The app has sent GitHub too many requests. Please try again in an hour.",
  ],
};

/**
 * Reasons that do not matter to a user who is already signed in: the browser went back to a completed
 * sign-in, or opened its last page twice.
 */
const SETTLED = ["invalid_state", "login_expired"];

const reason = new URLSearchParams(location.search).get("reason");

function notice() {
  if (!reason) return null;
  const text = Object.hasOwn(REASONS, reason)
    ? REASONS[reason]
    : "Signing in did not work. Please try again.";
  const causes = Object.hasOwn(CAUSES, reason) ? CAUSES[reason] : [];
  return h(
    "div.notice",
    { role: "alert" },
    h("p", {}, text),
    causes.length > 0 &&
      h(
        "ul",
        {},
        causes.map((cause) => h("li", {}, cause)),
      ),
  );
}

function signInButton() {
  const button = h("button.button.primary.large", { type: "button" }, github(), "Sign in with GitHub");
  button.addEventListener("click", () => {
    button.disabled = true;
    startSignIn();
  });
  // The browser may restore the page with a disabled button after "Back" from GitHub.
  addEventListener("pageshow", () => {
    button.disabled = false;
  });
  return button;
}

function showPage() {
  fill(
    /** @type {Element} */ (document.getElementById("main")),
    h("p.login-mark", {}, logo(40)),
    h("h1", {}, "See every request your services handle"),
    h("p.soft", {}, "Traces, logs and metrics, from any language, within seconds."),
    notice(),
    signInButton(),
    isSignedIn() && h("p", {}, h("a", { href: "./" }, "Go to the dashboard")),
    h(
      "p.faint.small",
      {},
      "Upblit reads your public profile and your e-mail address, and keeps no GitHub token.",
    ),
  );
}

narrowPolicy();
if (isSignedIn() && (!reason || SETTLED.includes(reason))) location.replace("./");
else showPage();
