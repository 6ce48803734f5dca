// The snippets that the dashboard shows with a new key are run as they are.

import { strict as assert } from "node:assert";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { SNIPPETS } from "../../../dashboard/app/pages/snippets.js";
import { signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const run = promisify(execFile);
const PATIENCE_MS = 60_000;
let server, user, target, application;

before(async () => {
  server = await startServer();
  user = await signInElsewhere(server.url);
  application = await user.call("POST", "/applications", { name: "Snippets" });
  const key = await user.call("POST", `/apikey?ApplicationId=${application.id}`);
  target = { api: server.url, key, name: "It's Snippets & Co" };
});

after(() => server?.stop());

const snippet = (name) => Object.fromEntries(SNIPPETS)[name](target);
const has = (command) =>
  spawnSync(command, ["--version"]).error === undefined || spawnSync(command, ["version"]).status === 0;

/** A file in a directory of its own. */
function written(name, text) {
  const file = join(mkdtempSync(join(tmpdir(), "upblit-snippet-")), name);
  writeFileSync(file, text);
  return file;
}

/** The request that a snippet told of. @param {string} name such as `GET /from-node` */
async function arrived(name) {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const { traces } = await user.call("GET", `/telemetry/traces?applicationId=${application.id}`);
    const found = traces.find((trace) => trace.name === name);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${name} did not arrive`);
}

test("curl", async () => {
  await run("bash", ["-c", snippet("curl")]);
  assert.equal((await arrived("GET /hello")).status, 200);
});

test("Express", async () => {
  const file = written(
    "upblit.mjs",
    `${snippet("Express")}
import { createServer } from "node:http";
// As Express calls it.
const server = createServer((req, res) => {
  req.originalUrl = req.url;
  upblit(req, res, () => { res.statusCode = 202; res.end(); });
}).listen(0, "127.0.0.1", async () => {
  await fetch(\`http://127.0.0.1:\${server.address().port}/from-node\`);
  setTimeout(() => process.exit(), 4000);
});`,
  );
  await run("node", [file]);
  assert.equal((await arrived("GET /from-node")).status, 202);
});

test("Python", { skip: !has("python3") }, async () => {
  const file = written(
    "app.py",
    `${snippet("Python")}

def app(environ, start_response):
    start_response("203 Fine", [])
    return [b""]

Upblit(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/from-python"}, lambda *_: None)
`,
  );
  await run("python3", [file]);
  assert.equal((await arrived("GET /from-python")).status, 203);
});

test("Go", { skip: !has("go") }, async () => {
  const { stdout } = await run("gofmt", ["-d", written("upblit.go", `${snippet("Go")}\n`)]);
  assert.equal(stdout, "");
  const main = `${snippet("Go").replace("package upblit", "package main").replace('"net/http"', '"net/http"\n\t"net/http/httptest"')}
func main() {
	handler := Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/from-go", nil))
	time.Sleep(4 * time.Second)
}`;
  await run("go", ["run", written("main.go", main)]);
  assert.equal((await arrived("GET /from-go")).status, 204);
});

test("OpenTelemetry: a shell reads the settings as they are meant", async () => {
  const { stdout } = await run("bash", ["-c", `${snippet("OpenTelemetry")}\nenv`]);
  const settings = Object.fromEntries(
    stdout
      .split("\n")
      .filter((line) => line.startsWith("OTEL_"))
      .map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]),
  );
  assert.equal(settings.OTEL_SERVICE_NAME, "it-s-snippets-co");
  assert.equal(settings.OTEL_EXPORTER_OTLP_HEADERS, `x-api-key=${target.key}`);
  assert.equal(settings.OTEL_EXPORTER_OTLP_ENDPOINT, server.url);
});
