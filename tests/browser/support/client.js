// A client for the API without a browser: a script, an SDK or another device.

import { randomBytes } from "node:crypto";

const AGENT = { "user-agent": "another device" };

/** Signs in through the stand-in. `call` sends requests as that user. @param {string} url */
export async function signInElsewhere(url, login = "octocat") {
  const start = await follow(`${url}/oauth2/authorization/github?login=${login}`);
  const cookie = start.headers.getSetCookie()[0].split(";")[0];
  const approved = await follow(start.headers.get("location"));
  const arrived = await follow(approved.headers.get("location"), { cookie });
  const tokens = new URLSearchParams(new URL(arrived.headers.get("location")).hash.slice(1));
  return {
    tokens: { token: tokens.get("token"), refreshToken: tokens.get("refreshToken") },
    call: (method, path, body) =>
      call(url + path, method, { authorization: `Bearer ${tokens.get("token")}` }, body),
  };
}

/** Sends a batch with an API key. @param {string} url @param {string} key @param {string} path @param {any} body */
export const ingest = (url, key, path, body) => call(url + path, "POST", { "x-api-key": key }, body);

async function follow(url, headers = {}) {
  const response = await fetch(url, { redirect: "manual", headers: { ...AGENT, ...headers } });
  if (response.status !== 302)
    throw new Error(`${new URL(url).pathname} returned ${response.status}, not a redirect`);
  return response;
}

async function call(url, method, headers, body) {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...AGENT, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(
      `${method} ${new URL(url).pathname} returned ${response.status}: ${await response.text()}`,
    );
  return response.status === 204 ? null : response.json();
}

/** A random id in hexadecimal. @param {number} bytes */
export const id = (bytes) => randomBytes(bytes).toString("hex");

/** Traces and logs of a checkout that failed in its second span. */
export function failedCheckout(at = Date.now()) {
  const [traceId, root, payment] = [id(16), id(8), id(8)];
  const time = (offsetMs) => new Date(at + offsetMs).toISOString();
  const span = (fields) => ({ traceId, requestMethod: "POST", ...fields });
  return {
    traceId,
    traces: {
      traces: [
        span({
          spanId: root,
          parentSpanId: null,
          timestamp: time(0),
          durationMs: 250,
          requestURL: "/checkout",
          responseStatus: 502,
          "service.name": "storefront",
        }),
        span({
          spanId: payment,
          parentSpanId: root,
          timestamp: time(20),
          durationMs: 200,
          requestURL: "/payments",
          responseStatus: 500,
          "service.name": "payments",
          "order.id": "A-1042",
        }),
        span({
          spanId: id(8),
          parentSpanId: payment,
          timestamp: time(40),
          durationMs: 60,
          requestURL: "/accounts",
          responseStatus: 200,
          "service.name": "payments",
        }),
      ],
    },
    logs: {
      logs: [
        {
          traceId,
          level: "error",
          type: "payment",
          message: "the card processor did not answer",
          timestamp: time(210),
          "service.name": "payments",
        },
      ],
    },
  };
}
