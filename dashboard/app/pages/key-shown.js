// A new key, this one time: to copy, with code that uses it, and a look-out for
// the first trace that comes in with it.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { apiUrl } from "../http.js";
import { to } from "../router.js";
import { SignedOut } from "../session.js";
import { words } from "../ui/banner.js";
import { pulse } from "../ui/bits.js";
import { copyButton } from "../ui/copy-button.js";
import { openDialog } from "../ui/dialog.js";
import { tabPanel } from "../ui/tabs.js";
import { SNIPPETS, exampleBatch } from "./snippets.js";

const LOOK_MS = 2_000;

/**
 * @param {object} about
 * @param {string} about.key
 * @param {string} about.title
 * @param {string} about.note
 * @param {import("../../types/openapi").Application} about.application
 * @param {() => void} about.closed
 */
export function showKey({ key, title, note, application, closed }) {
  const done = new AbortController();
  const dialog = openDialog(title, {
    wide: true,
    closed() {
      done.abort();
      closed();
    },
  });
  const text = h("code.key-text", { tabindex: 0 }, key);
  const target = { api: apiUrl(), key, name: application.name };
  const tabs = SNIPPETS.map(([name, make]) => ({ name, make: () => snippet(make(target)) }));
  fill(
    dialog.body,
    h("p.soft", {}, note),
    h(
      "div.key-box",
      {},
      text,
      copyButton(() => key, { source: () => text }),
    ),
    tabPanel("Snippets", tabs),
    lookout(key, application, done.signal, dialog.close),
    h(
      "footer",
      {},
      h("button.button.primary", { type: "button", on: { click: dialog.close } }, "I have copied it"),
    ),
  );
}

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
 * Says what came in since the key was made.
 *
 * @param {string} key
 * @param {import("../../types/openapi").Application} application
 * @param {AbortSignal} signal
 * @param {() => void} close closes the dialog
 */
function lookout(key, application, signal, close) {
  const since = new Date().toISOString();
  const status = h("p.lookout", { role: "status" }, pulse(), "Waiting for your first trace…");
  const send = h("button.button", { type: "button" }, "Send one from here");
  const element = h("div.lookout-row", {}, status, send);
  send.addEventListener("click", async () => {
    send.disabled = true;
    try {
      await api.sendTraces(key, exampleBatch());
      await look();
    } catch (error) {
      status.textContent = words(error);
    }
    send.disabled = false;
  });

  async function look() {
    const { traces } = await api.traces({ applicationId: application.id, from: since, limit: 1 }, signal);
    if (traces.length === 0 || signal.aborted) return false;
    const { traceId, startTime, name } = traces[0];
    const href = `${to("/applications/{}/traces/{}", application.id, traceId)}?at=${encodeURIComponent(startTime)}`;
    fill(status, h("span.arrived", {}, "It arrived: "), h("a", { href, on: { click: close } }, name));
    return true;
  }

  async function watch() {
    while (!signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      // Trouble passes, and is not what the reader is here for; a session that is over is.
      const isDone = document.hidden ? false : await look().catch((error) => error instanceof SignedOut);
      if (isDone) return;
    }
  }
  watch();
  return element;
}
