import { strict as assert } from "node:assert";
import { test } from "node:test";
import { policyFor } from "../../../dashboard/app/policy.js";

for (const [address, expected] of [
  ["https://api.example.com", "connect-src 'self' https://api.example.com"],
  ["https://api.example.com/stage/", "connect-src 'self' https://api.example.com"],
  ["http://127.0.0.1:3000", "connect-src 'self' http://127.0.0.1:3000"],
  ["https://user:secret@api.example.com/?a=1#b", "connect-src 'self' https://api.example.com"],
  ["https://api.example.com/; script-src *", "connect-src 'self' https://api.example.com"],
]) {
  test(`an API at ${address} is the only other origin that may get requests`, () => {
    assert.equal(policyFor(address), expected);
  });
}

test("an invalid address is an error", () => {
  assert.throws(() => policyFor("api.example.com"), TypeError);
});
