import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Problem, request } from "../../../dashboard/app/http.js";

globalThis.location ??= new URL("https://dashboard.test/");

/** A `fetch` that never responds, but can be aborted. */
const hangs = (_address, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** A response whose body never ends. */
const stalls = async (address, { signal }) =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("{"));
        signal.addEventListener("abort", () => controller.error(signal.reason));
      },
    }),
    { status: 200, headers: { address } },
  );

for (const [name, fetch] of [
  ["without a response", hangs],
  ["whose response does not end", stalls],
]) {
  test(`a request ${name} fails after its time limit`, async (t) => {
    // The timer of the real one does not keep Node.js running.
    t.mock.method(AbortSignal, "timeout", (ms) => {
      const limit = new AbortController();
      setTimeout(() => limit.abort(new DOMException("late", "TimeoutError")), ms);
      return limit.signal;
    });
    t.mock.method(globalThis, "fetch", fetch);
    await assert.rejects(request("get", "/me", { limitMs: 20 }), (error) => {
      assert.ok(error instanceof Problem);
      assert.equal(error.message, "The server did not respond in time.");
      return true;
    });
  });

  test(`a request ${name} can be aborted before`, async (t) => {
    t.mock.method(globalThis, "fetch", fetch);
    const leaving = new AbortController();
    const pending = request("get", "/me", { signal: leaving.signal });
    leaving.abort();
    await assert.rejects(pending, { name: "AbortError" });
  });
}

test("every request has a time limit of at most 20 seconds", async (t) => {
  const limits = [];
  t.mock.method(AbortSignal, "timeout", (ms) => {
    limits.push(ms);
    return new AbortController().signal;
  });
  t.mock.method(globalThis, "fetch", async () => Response.json({}));
  await request("get", "/me");
  await request("post", "/applications", { body: { name: "x" }, signal: new AbortController().signal });
  assert.deepEqual(limits, [20_000, 20_000]);
});

/** Fetches that respond with 503 and a `Retry-After`, and then with 200. */
function busyOnce(t, retryAfter) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse("2026-02-03T12:00:00Z") });
  const fetch = t.mock.method(globalThis, "fetch", async () =>
    fetch.mock.callCount() === 0
      ? Response.json({ detail: "busy" }, { status: 503, headers: { "retry-after": retryAfter } })
      : Response.json({ id: "1" }),
  );
  return fetch;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

for (const retryAfter of ["2", "Tue, 03 Feb 2026 12:00:02 GMT"]) {
  test(`a GET is sent again after a short Retry-After (${retryAfter})`, async (t) => {
    const fetch = busyOnce(t, retryAfter);
    const pending = request("get", "/me");
    await settled();
    t.mock.timers.tick(1_999);
    await settled();
    assert.equal(fetch.mock.callCount(), 1);
    t.mock.timers.tick(1);
    assert.deepEqual(await pending, { id: "1" });
    assert.equal(fetch.mock.callCount(), 2);
  });
}

test("leaving the page ends the wait", async (t) => {
  const fetch = busyOnce(t, "2");
  const leaving = new AbortController();
  const pending = request("get", "/me", { signal: leaving.signal });
  await settled();
  leaving.abort();
  await assert.rejects(pending, { name: "AbortError" });
  assert.equal(fetch.mock.callCount(), 1);
});

for (const [name, method, retryAfter, waitMs] of [
  ["a POST is not sent again", "post", "2", 2_000],
  ["a GET is not sent again after a long Retry-After", "get", "6", 6_000],
  ["a wait is limited to a minute", "get", "86400", 60_000],
  ["a Retry-After that is not a time is ignored", "get", "soon", 0],
  ["a Retry-After in the past is ignored", "get", "Tue, 03 Feb 2026 11:00:00 GMT", 0],
]) {
  test(name, async (t) => {
    const fetch = busyOnce(t, retryAfter);
    const pending = request(method, method === "get" ? "/me" : "/applications");
    await assert.rejects(pending, (error) => error.status === 503 && error.retryAfterMs === waitMs);
    assert.equal(fetch.mock.callCount(), 1);
  });
}

test("integers beyond 2^53 arrive with all their digits, and nothing else changes", async (t) => {
  const body = String.raw`{"a":9007199254740993,"b":[-9007199254740993,9007199254740991,18446744073709551615],
    "c":"9007199254740993 \"9007199254740993,","d":0.12345678901234566,"e":1e16,"f":12345678901234568.5,
    "n 9007199254740993":7,"g":1.7976931348623157e308}`;
  t.mock.method(globalThis, "fetch", async () => new Response(body));
  assert.deepEqual(await request("get", "/me"), {
    a: "9007199254740993",
    b: ["-9007199254740993", 9007199254740991, "18446744073709551615"],
    c: '9007199254740993 "9007199254740993,',
    d: 0.12345678901234566,
    e: 1e16,
    f: 12345678901234568,
    "n 9007199254740993": 7,
    g: Number.MAX_VALUE,
  });
});
