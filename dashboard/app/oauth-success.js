// /oauth-success: finishes the sign-in with the code or the tokens in the address.

const address = { search: location.search, hash: location.hash };
// Before anything else, so that neither the history nor an extension records them.
history.replaceState(null, "", location.pathname);

const { Problem } = await import("./http.js");
const { narrowPolicy } = await import("./policy.js");
const { leave } = await import("./session.js");
const { finishSignIn, takeReturn } = await import("./sign-in.js");

narrowPolicy();
try {
  if (await finishSignIn(address)) location.replace(`./${takeReturn()}`);
  else leave("invalid_state");
} catch (error) {
  const refused = error instanceof Problem && error.status >= 400 && error.status < 500;
  leave(refused ? "invalid_state" : "unavailable");
}

export {};
