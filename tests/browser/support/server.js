// Runs the product in processes of its own, with its data in memory.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

const START_MS = 30_000;

/**
 * Starts a server with its data in memory, which serves the dashboard as it is deployed: `upblit --memory`,
 * or functions under Lambda's emulator, if they can be had at `UPBLIT_STACKS` (tests/flows/emulator).
 *
 * @param {{ settings?: Record<string, string> }} [options] environment variables, as in docs/settings.md
 */
export function startServer({ settings = {} } = {}) {
  const stacks = process.env.UPBLIT_STACKS;
  return stacks ? startStack(stacks, settings) : startLocally(settings, ["--bundled"]);
}

/** Starts `upblit --memory` with the files of the checkout, which no function has. */
export const startFromCheckout = () => startLocally({}, []);

async function startStack(stacks, settings) {
  const send = (method, body) =>
    fetch(stacks, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const started = await send("POST", settings);
  if (!started.ok) throw new Error(`no stack: ${await started.text()}`);
  const url = await started.json();
  return {
    url,
    async stop() {
      const ended = await send("DELETE", url);
      if (!ended.ok) throw new Error(`a role does not allow ${await ended.text()}`);
    },
  };
}

async function startLocally(settings, options) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.env.UPBLIT, ["--memory", "--port", String(port), ...options], {
    env: { ...process.env, RUST_LOG: "warn", ...settings },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await waitUntilHealthy(`${url}/health`, child);
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function waitUntilHealthy(url, child) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill();
  throw new Error(`${process.env.UPBLIT} did not start`);
}
