// Runs the product as a separate process on a free port, with its data in memory.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

const START_MS = 30_000;

/**
 * Starts `upblit --memory` and waits until it responds. It serves the dashboard as it is deployed.
 * If `UPBLIT_URL` is set, a server with the usual settings is the deployment at that address.
 *
 * @param {Record<string, string>} [settings] environment variables, as in docs/settings.md
 * @param {string[]} [options] `[]` serves the files of the checkout
 */
export async function startServer(settings = {}, options = ["--bundled"]) {
  const url = process.env.UPBLIT_URL;
  const isUsual = Object.keys(settings).length === 0 && options.includes("--bundled");
  return url && isUsual ? { url, async stop() {} } : startLocally(settings, options);
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
