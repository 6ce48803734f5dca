import { strict as assert } from "node:assert";
import { test } from "node:test";
import { addressOf } from "../../../dashboard/app/http.js";

for (const [path, ids, query, expected] of [
  ["/me", undefined, undefined, "/me"],
  ["/me", {}, {}, "/me"],
  ["/sessions/{id}", { id: "s1" }, undefined, "/sessions/s1"],
  ["/sessions/{id}", { id: "a/b?c#d%2F" }, undefined, "/sessions/a%2Fb%3Fc%23d%252F"],
  ["/telemetry/traces/{id}", { id: "../a\\b" }, undefined, "/telemetry/traces/..%2Fa%5Cb"],
  ["/apikey/{id}/rotate", { id: "$&{id}" }, undefined, "/apikey/%24%26%7Bid%7D/rotate"],
  ["/logs", {}, { q: "a b&c=ü", limit: 0 }, "/logs?q=a+b%26c%3D%C3%BC&limit=0"],
  ["/logs", {}, { q: "", cursor: null, from: undefined }, "/logs"],
]) {
  test(`the address of ${path} with ${JSON.stringify([ids, query])} is ${expected}`, () => {
    assert.equal(addressOf(path, ids, query), expected);
  });
}
