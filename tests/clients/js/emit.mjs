// A user's program with the OpenTelemetry JavaScript SDK, configured only by OTEL_ variables. Run by
// tests/clients/run.py.
//
//     emit.mjs story              a failed checkout with every feature of spans
//     emit.mjs steady SECONDS     small traces at a steady rate, for some seconds
//     emit.mjs old                three spans, one of them from ten days ago

import { setTimeout as sleep } from "node:timers/promises";

import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { logs, SeverityNumber } from "@opentelemetry/api-logs";
import { NodeSDK } from "@opentelemetry/sdk-node";

const EVERY_TYPE = {
  text: 'Grüße 🐙, "quoted" \\ and\nmore',
  "half a character": "🐙".slice(0, 1),
  empty: "",
  yes: true,
  count: -42,
  largest: Number.MAX_SAFE_INTEGER,
  larger: 1e300,
  ratio: 0.1,
  nan: NaN,
  infinity: -Infinity,
  texts: ["a", "ü"],
  numbers: [1, 2, 3],
  flags: [true, false],
  "none of them": [],
  nothing: null,
};

// This SDK supports these values in attributes of logs, but not of spans.
const NESTED = {
  bytes: new Uint8Array([0, 255]),
  map: { nested: { deep: [1, "two", true, null] } },
};

const sdk = new NodeSDK();
sdk.start();
const tracer = trace.getTracer("shop", "1.2.3");
const logger = logs.getLogger("shop", "1.2.3");

/** Runs `work` with a new span as the current span. */
const inSpan = (name, options, work = () => {}) =>
  tracer.startActiveSpan(name, options, async (span) => {
    try {
      await work(span);
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: `${error}` });
      throw error;
    } finally {
      span.end();
    }
  });

const log = (severityNumber, body, attributes = {}) =>
  logger.emit({ severityNumber, severityText: SeverityNumber[severityNumber], body, attributes });

async function story() {
  let nightly;
  await inSpan("nightly import", {}, (span) => {
    nightly = span.spanContext();
  });
  const request = {
    "http.request.method": "POST",
    "url.path": "/checkout",
    "http.response.status_code": 502,
  };
  await inSpan("POST /checkout", { kind: SpanKind.SERVER, attributes: request }, async (root) => {
    log(SeverityNumber.INFO, "a basket for ключ 42", { items: 3 });
    await inSpan("price the basket", { attributes: EVERY_TYPE }, (price) => {
      price.addEvent("discount", { percent: 12.5, code: "SOMMER☀" });
      price.setStatus({ code: SpanStatusCode.OK });
    });
    await inSpan("SELECT stock", { kind: SpanKind.CLIENT }, () => sleep(20));
    try {
      await inSpan("charge card 💳", { kind: SpanKind.CLIENT }, async () => {
        await inSpan("ask the bank", {}, () => log(SeverityNumber.ERROR, "card declined", NESTED));
        throw new RangeError("insufficient funds");
      });
    } catch {
      root.setStatus({ code: SpanStatusCode.ERROR, message: "payment failed" });
    }
    const links = [{ context: nightly, attributes: { why: "prices" } }];
    await inSpan("send receipt", { kind: SpanKind.PRODUCER, links }, () =>
      inSpan("deliver receipt", { kind: SpanKind.CONSUMER }),
    );
  });
  log(SeverityNumber.WARN, { left: [1, "two"] });
}

async function steady(seconds) {
  let number = 0;
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    number += 1;
    await inSpan(`tick ${number}`, {}, () => inSpan("tock", {}, () => sleep(20)));
  }
  console.log(number);
}

function old() {
  const now = Date.now();
  for (const [name, ageDays] of [
    ["today", 0],
    ["ten days ago", 10],
    ["today too", 0],
  ]) {
    const start = now - ageDays * 86_400_000;
    tracer.startSpan(name, { startTime: start }).end(start + 5);
  }
}

const [what, ...rest] = process.argv.slice(2);
await { story, steady, old }[what](...rest);
// Send the remaining telemetry. A failure to do so must not make the program fail.
await sdk.shutdown().catch((error) => console.error(`cannot send telemetry: ${error.code} ${error.message}`));
