// A host of static files, below a path of another origin than the API's; it knows
// one trick, as many do: /login is login.html.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const FILES = new URL("../../../dashboard/", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** Serves the dashboard for an API that is named later. @param {string} path */
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

/** What dashboard/README.md tells to change: the address, and plain http in the policy. The stand-in's pictures are of the API's origin. */
function adapted(file, body, apiUrl) {
  if (file.endsWith("config.js")) return String(body).replace('apiUrl: ""', `apiUrl: "${apiUrl}"`);
  if (file.endsWith(".html")) return String(body).replace("connect-src 'self' https:", "connect-src 'self' http:").replace("img-src 'self'", "img-src 'self' http:");
  return body;
}
