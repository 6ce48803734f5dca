import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Problem } from "../../../dashboard/app/http.js";

for (const [name, status, body, message] of [
  ["no answer at all", 0, undefined, "The server did not answer."],
  ["an answer that is no problem", 502, {}, "The server answered 502."],
  ["an answer of a proxy", 502, "bad gateway", "The server answered 502."],
  ["a title alone", 404, { title: "not found" }, "Not found."],
  ["a detail, which goes before the title", 409, { title: "x", detail: "it is taken" }, "It is taken."],
  ["a detail that ends as a sentence does", 429, { detail: "Wait a second!" }, "Wait a second!"],
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

test("a problem has its short name and its request id", () => {
  const problem = new Problem(404, { type: "urn:upblit:problem:not-found", requestId: "r1" });
  assert.deepEqual([problem.status, problem.slug, problem.requestId], [404, "not-found", "r1"]);
  assert.deepEqual([new Problem(0).slug, new Problem(0).requestId], ["", null]);
});
