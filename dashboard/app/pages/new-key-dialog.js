// The dialog with a new secret: a copy button, snippets that use the key, and, if it may send traces,
// a line that shows the first one.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { apiUrl } from "../http.js";
import { to } from "../router.js";
import { SignedOut } from "../session.js";
import { errorText } from "../ui/banner.js";
import { pulse } from "../ui/bits.js";
import { copyButton } from "../ui/copy-button.js";
import { openDialog } from "../ui/dialog.js";
import { tabPanel } from "../ui/tabs.js";
import { exampleBatch, snippetsFor } from "./snippets.js";

const POLL_MS = 2_000;

/**
 * @param {object} options
 * @param {string} options.key
 * @param {import("../../types/openapi").KeyScope[]} options.scopes
 * @param {string} options.title
 * @param {string} options.note
 * @param {import("../../types/openapi").Application} options.application
 * @param {() => void} options.closed
 */
export function showKey({ key, scopes, title, note, application, closed }) {
  const done = new AbortController();
  let isCopied = false;
  const warning = h("p.field-error", { role: "alert" });
  const dialog = openDialog(title, {
    wide: true,
    mayClose() {
      if (!isCopied) warning.textContent = "The key is not shown again. Copy it, and then close this.";
      return isCopied;
    },
    closed() {
      done.abort();
      closed();
    },
  });
  const text = h("code.key-text", { tabindex: 0 }, key);
  const target = { api: apiUrl(), key, name: application.name, application: application.id };
  // The key, or a snippet with it, by button or keyboard.
  for (const event of ["click", "copy"]) {
    dialog.body.addEventListener(event, ({ target: pressed }) => {
      if (
        event === "copy" ||
        (pressed instanceof Element && pressed.closest(".key-box button, .snippet button"))
      )
        isCopied = true;
    });
  }
  fill(
    dialog.body,
    h("p.soft", {}, note),
    h(
      "div.key-box",
      {},
      text,
      copyButton(() => key, { source: () => text }),
    ),
    warning,
    snippetTabs(scopes, target),
    scopes.includes("ingest:traces") && firstTrace(key, application, done.signal, dialog.close),
    h(
      "footer",
      {},
      h("button.button.primary", { type: "button", on: { click: dialog.close } }, "I have copied it"),
    ),
  );
}

/**
 * Snippets for a key with these scopes.
 *
 * @param {string[]} scopes
 * @param {import("./snippets.js").Target} target
 */
export const snippetTabs = (scopes, target) =>
  tabPanel(
    "Snippets",
    snippetsFor(scopes).map(([name, make]) => ({ name, make: () => snippet(make(target)) })),
  );

/** @param {string} text */
function snippet(text) {
  const code = h("pre", { tabindex: 0, "aria-label": "Snippet" }, h("code", {}, text));
  return h(
    "div.snippet",
    {},
    code,
    copyButton(() => text, { source: () => code }),
  );
}

/**
 * Waits for the first trace since the dialog was opened, and links to it.
 *
 * @param {string} key
 * @param {import("../../types/openapi").Application} application
 * @param {AbortSignal} signal
 * @param {() => void} close closes the dialog
 */
function firstTrace(key, application, signal, close) {
  const since = new Date().toISOString();
  const status = h("p.first-trace", { role: "status" }, pulse(), "Waiting for your first trace…");
  const send = h("button.button", { type: "button" }, "Send a test trace");
  const element = h("div.first-trace-row", {}, status, send);
  send.addEventListener("click", async () => {
    send.disabled = true;
    try {
      await api.sendTraces(key, exampleBatch());
      await poll();
    } catch (error) {
      status.textContent = errorText(error);
    }
    send.disabled = false;
  });

  async function poll() {
    const { traces } = await api.traces({ applicationId: application.id, from: since, limit: 1 }, signal);
    if (traces.length === 0 || signal.aborted) return false;
    const { traceId, startTime, name } = traces[0];
    const href = `${to("/applications/{}/traces/{}", application.id, traceId)}?at=${encodeURIComponent(startTime)}`;
    fill(status, h("span.arrived", {}, "Received: "), h("a", { href, on: { click: close } }, name));
    return true;
  }

  async function watch() {
    while (!signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      // Errors are ignored, as the next attempt may succeed. The end of the session stops the loop.
      const isDone = document.hidden ? false : await poll().catch((error) => error instanceof SignedOut);
      if (isDone) return;
    }
  }
  watch();
  return element;
}
