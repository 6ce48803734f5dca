// Snippets that send telemetry to this server with a key, or read it.

/** @typedef {{ api: string, key: string, name: string, application: string }} Target */

/** Creates a batch with one span that ends now: `timestamp` is the end of a span. */
export function exampleBatch() {
  return {
    traces: [
      {
        timestamp: new Date().toISOString(),
        requestMethod: "GET",
        requestURL: "/hello",
        responseStatus: 200,
        traceId: hex(16),
        spanId: hex(8),
        parentSpanId: null,
        durationMs: 12.5,
      },
    ],
  };
}

/** @param {number} bytes */
const hex = (bytes) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

/** @param {Target} target */
const curl = ({ api, key }) => `curl ${api}/ingest/traces \\
  -H 'x-api-key: ${key}' \\
  --json '${JSON.stringify(exampleBatch(), null, 2)}'`;

/** @param {Target} target */
const express = ({ api, key }) => `// app.use(upblit) before your routes. Node 18 or newer, no package needed.
import { randomBytes } from "node:crypto";

const UPBLIT = "${api}/ingest/traces";
const KEY = process.env.UPBLIT_KEY ?? "${key}";
const queue = [];

export function upblit(req, res, next) {
  const start = performance.now();
  res.on("finish", () => queue.push({
    timestamp: new Date().toISOString(), // the end; it started durationMs before
    requestMethod: req.method,
    requestURL: req.originalUrl,
    responseStatus: res.statusCode,
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    parentSpanId: null,
    durationMs: performance.now() - start,
  }));
  next();
}

setInterval(async () => {
  const traces = queue.splice(0, 1000);
  if (traces.length === 0) return;
  const sent = await fetch(UPBLIT, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": KEY },
    body: JSON.stringify({ traces }),
  }).catch(() => null);
  if (!sent || sent.status === 429 || sent.status >= 500) queue.unshift(...traces.slice(0, 10_000 - queue.length));
}, 2000).unref();`;

/** @param {Target} target */
const python = ({ api, key }) => `# A WSGI middleware (Flask, Django): app.wsgi_app = Upblit(app.wsgi_app)
import atexit, json, os, queue, threading, time, urllib.request
from datetime import datetime, timezone

URL = "${api}/ingest/traces"
KEY = os.environ.get("UPBLIT_KEY", "${key}")
waiting = queue.Queue(maxsize=10_000)

class Upblit:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        began = time.perf_counter()
        status = [500]
        def started(line, headers, *rest):
            status[0] = int(line.split()[0])
            return start_response(line, headers, *rest)
        try:
            return self.app(environ, started)
        finally:
            span = {
                "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
                "requestMethod": environ["REQUEST_METHOD"],
                "requestURL": environ.get("PATH_INFO", "/"),
                "responseStatus": status[0],
                "traceId": os.urandom(16).hex(),
                "spanId": os.urandom(8).hex(),
                "parentSpanId": None,
                "durationMs": (time.perf_counter() - began) * 1000,
            }
            if not waiting.full():
                waiting.put_nowait(span)

def flush():
    spans = [waiting.get() for _ in range(min(1000, waiting.qsize()))]
    if spans:
        body = json.dumps({"traces": spans}).encode()
        headers = {"content-type": "application/json", "x-api-key": KEY}
        urllib.request.urlopen(urllib.request.Request(URL, body, headers), timeout=10).close()

def run():
    while True:
        time.sleep(2)
        try:
            flush()
        except OSError as error:
            print("upblit:", error)

threading.Thread(target=run, daemon=True).start()
atexit.register(flush)`;

/** @param {Target} target */
const go = ({ api, key }) => `// http.ListenAndServe(":8080", upblit.Middleware(mux))
package upblit

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

const (
	url = "${api}/ingest/traces"
	key = "${key}"
)

var spans = make(chan map[string]any, 10_000)

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func Middleware(next http.Handler) http.Handler {
	go send()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, rec := time.Now(), &recorder{w, http.StatusOK}
		next.ServeHTTP(rec, r)
		select {
		case spans <- map[string]any{
			"timestamp": time.Now().UTC().Format(time.RFC3339Nano), "requestMethod": r.Method,
			"requestURL": r.URL.RequestURI(), "responseStatus": rec.status,
			"traceId": random(16), "spanId": random(8), "parentSpanId": nil,
			"durationMs": float64(time.Since(start).Microseconds()) / 1000,
		}:
		default: // The queue is full: drop the span rather than wait.
		}
	})
}

func send() {
	for range time.Tick(2 * time.Second) {
		var batch []map[string]any
		for n := len(spans); n > 0 && len(batch) < 1000; n-- {
			batch = append(batch, <-spans)
		}
		if len(batch) == 0 {
			continue
		}
		body, _ := json.Marshal(map[string]any{"traces": batch})
		request, _ := http.NewRequest("POST", url, bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("x-api-key", key)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
		}
	}
}

func random(n int) string {
	bytes := make([]byte, n)
	rand.Read(bytes)
	return hex.EncodeToString(bytes)
}`;

/** @param {Target} target */
const openTelemetry = ({ api, key, name }) => `# For any OpenTelemetry SDK or auto-instrumentation
export OTEL_SERVICE_NAME='${
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "my-service"
}'
export OTEL_EXPORTER_OTLP_ENDPOINT='${api}'
export OTEL_EXPORTER_OTLP_PROTOCOL='http/protobuf'
export OTEL_EXPORTER_OTLP_HEADERS='x-api-key=${key}'
export OTEL_TRACES_EXPORTER='otlp'
export OTEL_LOGS_EXPORTER='otlp'
export OTEL_METRICS_EXPORTER='none'  # metrics are derived from traces`;

/** @param {Target} target */
const curlToRead = ({ api, key, application }) => `curl -G ${api}/telemetry/traces \\
  -H 'x-api-key: ${key}' \\
  -d applicationId=${application} -d status=error -d limit=20`;

/** @param {Target} target */
const grafana = ({ api, key, name, application }) => `# provisioning/datasources/upblit.yaml
# Needs Grafana's plugin Infinity: grafana cli plugins install yesoreyeram-infinity-datasource
apiVersion: 1
datasources:
  - name: ${JSON.stringify(`Upblit ${name}`)}
    type: yesoreyeram-infinity-datasource
    access: proxy
    jsonData:
      allowedHosts: ["${api}"]
      httpHeaderName1: x-api-key
    secureJsonData:
      httpHeaderValue1: ${key}

# A panel with requests and durations: a query of type JSON and parser Backend, with the root
# selector "buckets" and the columns startTime (time), requests.count, requests.errors and
# requests.p95Ms (number).
# URL: ${api}/telemetry/metrics?applicationId=${application}&step=900&from=\${__from:date:iso}&to=\${__to:date:iso}`;

/** Snippets that send, by the name of their tab. @type {[string, (target: Target) => string][]} */
export const SNIPPETS = [
  ["curl", curl],
  ["OpenTelemetry", openTelemetry],
  ["Express", express],
  ["Python", python],
  ["Go", go],
];

/** Snippets that read, by the name of their tab. @type {[string, (target: Target) => string][]} */
export const READING_SNIPPETS = [
  ["curl: read", curlToRead],
  ["Grafana", grafana],
];

/** Returns the snippets that work with a key with these scopes. @param {string[]} scopes */
export const snippetsFor = (scopes) => [
  ...(scopes.some((scope) => scope.startsWith("ingest:")) ? SNIPPETS : []),
  ...(scopes.includes("telemetry:read") ? READING_SNIPPETS : []),
];
