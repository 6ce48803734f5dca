// /oauth-success: finishes the sign-in with the code or the tokens in the address.

const address = { search: location.search, hash: location.hash };
// Before anything else, so that neither the history nor an extension records them.
history.replaceState(null, "", location.pathname);
// A link with other tokens, opened in this tab, only changes the fragment: no document is loaded.
addEventListener("hashchange", () => location.reload());

const { narrowPolicy } = await import("./policy.js");
const { leave } = await import("./session.js");
const { finishSignIn, takeReturn } = await import("./sign-in.js");
const { askToSignIn } = await import("./sign-in-question.js");

narrowPolicy();
const outcome = await finishSignIn(address);
if (!outcome) location.replace(`./${takeReturn()}`);
else if ("reason" in outcome) leave(outcome.reason);
else askToSignIn(outcome);

export {};
