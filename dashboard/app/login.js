// The sign-in page, with the reason why sign-in is required.

import { h, fill } from "./dom.js";
import { github, logo } from "./ui/icons.js";
import { narrowPolicy } from "./policy.js";
import { isSignedIn } from "./session.js";
import { startSignIn } from "./sign-in.js";

/** @type {Record<string, string>} */
const REASONS = {
  access_denied: "You cancelled the sign-in on GitHub.",
  invalid_request: "The sign-in link is incomplete. Please start again.",
  invalid_state: "This sign-in was started in another browser or has already been used. Please start again.",
  login_expired: "The sign-in took more than ten minutes. Please start again.",
  email_unverified:
    "GitHub has no verified e-mail address for your account. Verify one on GitHub, then sign in again.",
  github_forbidden:
    "GitHub does not let this app read your account or its e-mail addresses. An owner of the app or of your organization has to allow it.",
  github_unavailable: "GitHub did not respond. Please try again in a moment.",
  github_error:
    "GitHub refused the sign-in. Please try again. If the problem persists, check the app’s client id and secret.",
  internal_error: "Signing in does not work because of an error on our side. Please contact the operator.",
  unavailable: "Signing in is not possible right now. Please try again in a moment.",
  session_expired: "Your session has ended. Please sign in again.",
};

function notice() {
  const reason = new URLSearchParams(location.search).get("reason");
  if (!reason) return null;
  const text = Object.hasOwn(REASONS, reason)
    ? REASONS[reason]
    : "Signing in did not work. Please try again.";
  return h("p.notice", { role: "alert" }, text);
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

narrowPolicy();
if (isSignedIn() && !location.search) location.replace("./");
fill(
  /** @type {Element} */ (document.getElementById("main")),
  h("p.login-mark", {}, logo(40)),
  h("h1", {}, "See every request your services handle"),
  h("p.soft", {}, "Traces, logs and metrics, from any language, within seconds."),
  notice(),
  signInButton(),
  h(
    "p.faint.small",
    {},
    "Upblit reads your public profile and your e-mail address, and keeps no GitHub token.",
  ),
);
