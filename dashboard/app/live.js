// Refreshes a page while it is visible.

import { Problem } from "./http.js";

/**
 * Calls `load` now and again after each pause. Stops while the tab is hidden, and loads at once
 * when it becomes visible. After an error, the pause is at least what the server asks for, even if the
 * tab becomes visible in the meantime.
 *
 * @param {object} options
 * @param {() => Promise<void>} options.load
 * @param {() => number} options.pauseMs called after each load
 * @param {AbortSignal} options.signal
 * @param {(error: unknown) => void} options.failed called with each error, and with null after a success
 */
export function keepFresh({ load, pauseMs, signal, failed }) {
  let timer = 0;
  let running = false;
  let again = false;
  let paused = false;
  let notBefore = 0;

  async function run() {
    if (running) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = true;
    do {
      again = false;
      await attempt();
    } while (again && !signal.aborted);
    running = false;
    schedule();
  }

  async function attempt() {
    try {
      await load();
      notBefore = 0;
      if (!signal.aborted) failed(null);
    } catch (error) {
      notBefore = error instanceof Problem ? Date.now() + error.retryAfterMs : 0;
      if (!signal.aborted) failed(error);
    }
  }

  function schedule() {
    clearTimeout(timer);
    if (signal.aborted || paused || document.hidden) return;
    timer = setTimeout(run, Math.max(pauseMs(), notBefore - Date.now()));
  }

  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.hidden || paused) return;
      if (Date.now() < notBefore) schedule();
      else run();
    },
    { signal },
  );
  signal.addEventListener("abort", () => clearTimeout(timer));
  run();
  return {
    /** Loads again at once, for example after a filter was changed. */
    refresh: run,
    /** @param {boolean} value */
    setPaused(value) {
      paused = value;
      if (paused) clearTimeout(timer);
      else run();
    },
  };
}
