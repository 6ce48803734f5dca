// Runs the snippets that the dashboard shows with a new key, unchanged.

import { strict as assert } from "node:assert";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { READING_SNIPPETS, SNIPPETS, exampleBatch } from "../../../dashboard/app/pages/snippets.js";
import { ingest, signInElsewhere } from "../support/client.js";
import { startServer } from "../support/server.js";

const run = promisify(execFile);
const PATIENCE_MS = 60_000;
let server, user, target, reader, application;

before(async () => {
  server = await startServer();
  user = await signInElsewhere(server.url);
  application = await user.call("POST", "/applications", { name: "Snippets" });
  const key = await user.call("POST", `/apikey?ApplicationId=${application.id}`);
  target = { api: server.url, key, name: "It's Snippets & Co", application: application.id };
  const scopes = ["telemetry:read"];
  reader = {
    ...target,
    key: await user.call("POST", `/apikey?ApplicationId=${application.id}`, { scopes }),
  };
});

after(() => server?.stop());

const snippet = (name) => Object.fromEntries(SNIPPETS)[name](target);
const has = (command) =>
  spawnSync(command, ["--version"]).error === undefined || spawnSync(command, ["version"]).status === 0;

/** Writes a file in a new temporary directory. */
function writeFile(name, text) {
  const file = join(mkdtempSync(join(tmpdir(), "upblit-snippet-")), name);
  writeFileSync(file, text);
  return file;
}

/** Waits for the trace of a request. @param {string} name such as `GET /from-node` */
async function receivedTrace(name) {
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
  assert.equal((await receivedTrace("GET /hello")).status, 200);
});

test("Express", async () => {
  const file = writeFile(
    "upblit.mjs",
    `${snippet("Express")}
import { createServer } from "node:http";
// Calls the middleware as Express does.
const server = createServer((req, res) => {
  req.originalUrl = req.url;
  upblit(req, res, () => { res.statusCode = 202; res.end(); });
}).listen(0, "127.0.0.1", async () => {
  await fetch(\`http://127.0.0.1:\${server.address().port}/from-node\`);
  setTimeout(() => process.exit(), 4000);
});`,
  );
  await run("node", [file]);
  assert.equal((await receivedTrace("GET /from-node")).status, 202);
});

test("Python", { skip: !has("python3") }, async () => {
  const file = writeFile(
    "app.py",
    `${snippet("Python")}

def app(environ, start_response):
    start_response("203 Fine", [])
    return [b""]

Upblit(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/from-python"}, lambda *_: None)
`,
  );
  await run("python3", [file]);
  assert.equal((await receivedTrace("GET /from-python")).status, 203);
});

test("Go", { skip: !has("go") }, async () => {
  const { stdout } = await run("gofmt", ["-d", writeFile("upblit.go", `${snippet("Go")}\n`)]);
  assert.equal(stdout, "");
  const main = `${snippet("Go").replace("package upblit", "package main").replace('"net/http"', '"net/http"\n\t"net/http/httptest"')}
func main() {
	handler := Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/from-go", nil))
	time.Sleep(4 * time.Second)
}`;
  await run("go", ["run", writeFile("main.go", main)]);
  assert.equal((await receivedTrace("GET /from-go")).status, 204);
});

test("OpenTelemetry: a shell reads the settings correctly", async () => {
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

test("curl: read", async () => {
  const failed = { ...exampleBatch().traces[0], requestURL: "/failed", responseStatus: 500 };
  await ingest(server.url, target.key, "/ingest/traces", { traces: [failed] });
  const [, make] = READING_SNIPPETS[0];
  const { stdout } = await run("bash", ["-c", make(reader)]);
  const names = JSON.parse(stdout).traces.map((trace) => trace.name);
  assert.deepEqual(names, ["GET /failed"]);
});

test("Grafana: the settings contain the key, and the address of the panel works", async () => {
  const [, make] = READING_SNIPPETS[1];
  const text = make(reader);
  // Text in double quotes is the same in YAML as in JSON.
  const [, name] = /- name: (.*)$/m.exec(text);
  assert.equal(JSON.parse(name), "Upblit It's Snippets & Co");
  const lines = text.split("\n").map((line) => line.trim());
  assert.ok(lines.includes("httpHeaderName1: x-api-key"));
  assert.ok(lines.includes(`httpHeaderValue1: ${reader.key}`));
  const [, url] = /# URL: (.*)$/.exec(text);
  const now = Date.now();
  const address = url
    .replace(/\$\{__from:date:iso\}/, new Date(now - 3_600_000).toISOString())
    .replace(/\$\{__to:date:iso\}/, new Date(now).toISOString());
  const answer = await fetch(address, { headers: { "x-api-key": reader.key } });
  assert.equal(answer.status, 200);
  assert.ok(Array.isArray((await answer.json()).buckets));
});
