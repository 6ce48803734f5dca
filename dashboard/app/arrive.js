// /oauth-success: takes the code or the tokens, and moves on.

const handed = { search: location.search, hash: location.hash };
// Before anything else runs: neither the history nor an extension's log keeps them.
history.replaceState(null, "", location.pathname);

const { Problem } = await import("./http.js");
const { narrowPolicy } = await import("./policy.js");
const { leave } = await import("./session.js");
const { finishSignIn, takeReturn } = await import("./sign-in.js");

narrowPolicy();
try {
  if (await finishSignIn(handed)) location.replace(`./${takeReturn()}`);
  else leave("invalid_state");
} catch (error) {
  const refused = error instanceof Problem && error.status >= 400 && error.status < 500;
  leave(refused ? "invalid_state" : "unavailable");
}

export {};
