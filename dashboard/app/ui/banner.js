import { fill, h } from "../dom.js";
import { Problem } from "../http.js";
import { SignedOut } from "../session.js";

/**
 * A quiet line about trouble, with a way to try again. What the page shows
 * already stays below it.
 *
 * @param {() => void} retry
 */
export function troubleBanner(retry) {
  const element = h("div.banner", { role: "status", hidden: true });
  return {
    element,
    /** @param {unknown} error null when all is well again */
    show(error) {
      // The reader has left, or is about to.
      if (error instanceof SignedOut || (error instanceof DOMException && error.name === "AbortError"))
        return;
      element.hidden = !error;
      if (!error) return;
      fill(
        element,
        h("p", {}, words(error)),
        h("button.button.small", { type: "button", on: { click: retry } }, "Try again"),
      );
    },
  };
}

/** A trouble in words. @param {unknown} error */
export function words(error) {
  // A bug of this page: shown in the console, not to the reader.
  if (!(error instanceof Problem)) {
    console.error(error);
    return "Something went wrong on this page. Please reload it.";
  }
  return error.requestId && error.status === 500
    ? `${error.message} Request ${error.requestId}.`
    : error.message;
}
