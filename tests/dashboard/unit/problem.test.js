import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Problem } from "../../../dashboard/app/http.js";

for (const [name, status, body, message] of [
  ["no response", 0, undefined, "The server did not respond."],
  ["an empty body", 502, {}, "The server responded with status 502."],
  ["a text body of a proxy", 502, "bad gateway", "The server responded with status 502."],
  ["only a title", 404, { title: "not found" }, "Not found."],
  ["a title and a detail", 409, { title: "x", detail: "it is taken" }, "It is taken."],
  ["a detail that ends with punctuation", 429, { detail: "Wait a second!" }, "Wait a second!"],
  [
    "fields",
    400,
    {
      errors: [
        { pointer: "/name", reason: "is too long" },
        { pointer: "/scopes/0", reason: "is unknown" },
      ],
    },
    "Name is too long; scopes/0 is unknown.",
  ],
]) {
  test(`a problem with ${name} reads "${message}"`, () => {
    assert.equal(new Problem(status, body).message, message);
  });
}

test("a problem has a slug and a request id", () => {
  const problem = new Problem(404, { type: "urn:upblit:problem:not-found", requestId: "r1" });
  assert.deepEqual([problem.status, problem.slug, problem.requestId], [404, "not-found", "r1"]);
  assert.deepEqual([new Problem(0).slug, new Problem(0).requestId], ["", null]);
});

test("a quota that is used up says when it is reset, and asks to wait until then", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-02-03T20:00:00Z") });
  const body = { type: "urn:upblit:problem:quota-exceeded", availableAt: "2026-02-04T00:00:00.000Z" };
  const problem = new Problem(429, body, "14400");
  assert.equal(problem.retryAfterMs, 4 * 3_600_000);
  assert.match(
    problem.message,
    /^Today's quota for reading telemetry is used up; it is reset at .*\d\d:\d\d\.$/,
  );
});
