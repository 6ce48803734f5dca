// A static file host with its own origin, below a path. Like many hosts, it serves login.html at /login.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const FILES = new URL("../../../dashboard/", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** Serves the dashboard. `setApi` sets the address of the API. @param {string} path */
export async function startStaticHost(path) {
  let apiUrl = "";
  const server = createServer(async ({ url }, response) => {
    const file = fileOf(url, path);
    const body = file && (await readFile(file).catch(() => null));
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] }).end(adapted(file, body, apiUrl));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}${path}`,
    setApi(url) {
      apiUrl = url;
    },
    stop: () => server.close(),
  };
}

function fileOf(url, path) {
  const { pathname } = new URL(url, "http://host");
  if (!pathname.startsWith(`${path}/`)) return null;
  const rest = normalize(pathname.slice(path.length + 1)) || "index.html";
  if (rest === ".") return join(FILES, "index.html");
  return join(FILES, extname(rest) ? rest : `${rest}.html`);
}

/**
 * Applies the changes described in dashboard/README.md: the address of the API, and plain http in the
 * policy. The stand-in's avatars have the origin of the API.
 */
function adapted(file, body, apiUrl) {
  if (file.endsWith("config.js")) return String(body).replace('apiUrl: ""', `apiUrl: "${apiUrl}"`);
  if (file.endsWith(".html"))
    return String(body)
      .replace("connect-src 'self' https:", "connect-src 'self' http:")
      .replace("img-src 'self'", "img-src 'self' http:");
  return body;
}
