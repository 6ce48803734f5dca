// Asks before tokens in a link are used that this tab did not request. Without the question, a link could
// switch the account of the person who opens it (RFC 9700 §4.7).

import { fill, h } from "./dom.js";
import { leave } from "./session.js";
import { accessToken, isSignedIn, storeTokens, userOf } from "./tokens.js";
import { logo } from "./ui/icons.js";

/** Asks whether to sign in with the tokens of a link. @param {import("./sign-in.js").Offer} offer */
export function askToSignIn({ tokens, user }) {
  const current = userOf(accessToken());
  const accept = () => {
    storeTokens(tokens);
    location.replace("./");
  };
  const cancel = () => (isSignedIn() ? location.replace("./") : leave());
  const main = /** @type {Element} */ (document.getElementById("main"));
  const heading = h("h1", { tabindex: -1 }, `Sign in as ${user.name}?`);
  main.removeAttribute("aria-busy");
  fill(
    main,
    h("p.login-mark", {}, logo(40)),
    heading,
    h("p.soft", {}, user.email),
    h(
      "p.notice",
      {},
      "You opened a link that signs you in, and this tab did not start that sign-in. Accept only if this is your account.",
    ),
    current && h("p", {}, currentAccount(current, user)),
    h(
      "p.choices",
      {},
      h("button.button", { type: "button", on: { click: cancel } }, "Cancel"),
      h("button.button.primary", { type: "button", on: { click: accept } }, "Accept"),
    ),
  );
  document.title = "Sign in? · Upblit";
  // The heading and not a button, so that a key that is pressed too early decides nothing.
  heading.focus();
}

/** @typedef {import("./tokens.js").User} User @param {User} current @param {User} offered */
const currentAccount = (current, offered) =>
  current.sub === offered.sub
    ? "You are already signed in with this account."
    : `You are signed in as ${current.name}. Accepting changes the account in all tabs.`;
