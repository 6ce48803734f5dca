// Traces in OpenTelemetry's encoding, for the tests of the page of a trace.

import { id } from "./client.js";

const attribute = (key, value) => ({ key, value: { stringValue: value } });
const nanos = (ms) => `${Math.round(ms * 1_000)}000`;

/** `ExportTraceServiceRequest` of spans `{ service, ...span }`. */
export function exported(spans) {
  const services = [...new Set(spans.map(({ service }) => service))];
  const groups = services.map((name) => [name, spans.filter(({ service }) => service === name)]);
  return {
    resourceSpans: groups.map(([service, group]) => ({
      resource: { attributes: [attribute("service.name", service)] },
      scopeSpans: [
        { scope: { name: "tests", version: "1.0" }, spans: group.map(({ service: _, ...span }) => span) },
      ],
    })),
  };
}

/** A span of `[from, to]` milliseconds after `at`. */
export function span(traceId, at, service, name, parentSpanId, [from, to], more = {}) {
  return {
    service,
    traceId,
    spanId: id(8),
    parentSpanId,
    name,
    kind: 1,
    startTimeUnixNano: nanos(at + from),
    endTimeUnixNano: nanos(at + to),
    ...more,
  };
}

/**
 * A checkout with concurrent calls, a failure, a service whose clock is behind, work after the response, and spans
 * below one of another application; and its log records.
 */
export function checkout(at) {
  const traceId = id(16);
  const make = (...fields) => span(traceId, at, ...fields);
  const root = make("storefront", "POST /checkout", "", [0, 480], { kind: 2 });
  const cart = make("cart", "GET /cart/{id}", root.spanId, [12, 90], { kind: 2 });
  const stock = make("inventory", "reserve stock", root.spanId, [95, 210]);
  const price = make("pricing", "compute price", root.spanId, [95, 160]);
  const payment = make("payments", "charge the card", root.spanId, [215, 460], {
    status: { code: 2, message: "the card processor did not answer" },
    attributes: [attribute("order.id", "A-1042"), attribute("card.network", "visa")],
    events: [
      {
        name: "exception",
        timeUnixNano: nanos(at + 440),
        attributes: [attribute("exception.type", "Timeout")],
      },
    ],
  });
  const gateway = make("bank", "authorize", payment.spanId, [-40, 130]);
  const mail = make("mailer", "send receipt", root.spanId, [470, 620], { kind: 5 });
  const foreign = make("partner", "GET /rates", id(8), [230, 300], { kind: 2 });
  const query = make("cart", "SELECT carts", cart.spanId, [30, 80], {
    attributes: [attribute("db.query.text", "SELECT * FROM carts WHERE id = $1")],
  });
  const log = (owner, ms, severityNumber, body) => ({
    traceId,
    spanId: owner.spanId,
    timeUnixNano: nanos(at + ms),
    severityNumber,
    body: { stringValue: body },
  });
  return {
    traceId,
    traces: exported([root, cart, query, stock, price, payment, gateway, mail, foreign]),
    logs: {
      resourceLogs: [
        {
          resource: { attributes: [attribute("service.name", "payments")] },
          scopeLogs: [
            {
              logRecords: [
                log(payment, 230, 9, "charging 42.00 EUR"),
                log(payment, 440, 17, "the card processor did not answer"),
              ],
            },
          ],
        },
      ],
    },
  };
}

/** Requests with a trace of that many spans, at most 1,000 in each: groups of nine below the root. */
export function largeTrace(at, count) {
  const traceId = id(16);
  const total = count * 2;
  const root = span(traceId, at, "batch", "import orders", "", [0, total], { kind: 2 });
  const spans = [root];
  let group = root;
  for (let index = 1; index < count; index += 1) {
    const isGroup = index % 10 === 1;
    const times = isGroup ? [index * 2, Math.min(total, index * 2 + 20)] : [index * 2, index * 2 + 1.5];
    const next = span(
      traceId,
      at,
      `worker-${index % 4}`,
      `step ${index}`,
      isGroup ? root.spanId : group.spanId,
      times,
      {
        status: { code: index % 2500 === 2499 ? 2 : 0 },
        attributes: [attribute("order.id", `order-${index}`)],
      },
    );
    if (isGroup) group = next;
    spans.push(next);
  }
  const requests = [];
  for (let from = 0; from < count; from += 1_000) requests.push(exported(spans.slice(from, from + 1_000)));
  return { traceId, requests };
}
