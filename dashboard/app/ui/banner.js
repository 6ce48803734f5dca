import { fill, h } from "../dom.js";
import { Problem } from "../http.js";
import { SignedOut } from "../session.js";

/**
 * A line with an error and a button to try again. The content of the page stays below it.
 *
 * @param {() => void} retry
 */
export function errorBanner(retry) {
  const element = h("div.banner", { role: "status", hidden: true });
  return {
    element,
    /** @param {unknown} error null removes the banner */
    show(error) {
      // The user has left the page, or is being signed out.
      if (error instanceof SignedOut || (error instanceof DOMException && error.name === "AbortError"))
        return;
      element.hidden = !error;
      if (!error) return;
      fill(
        element,
        h("p", {}, errorText(error)),
        h("button.button.small", { type: "button", on: { click: retry } }, "Try again"),
      );
    },
  };
}

/** Describes an error for the user. @param {unknown} error */
export function errorText(error) {
  // Other errors are bugs of this page. Details go to the console.
  if (!(error instanceof Problem)) {
    console.error(error);
    return "Something went wrong on this page. Please reload it.";
  }
  return error.requestId && error.status === 500
    ? `${error.message} Request ${error.requestId}.`
    : error.message;
}
