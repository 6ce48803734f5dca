import { strict as assert } from "node:assert";
import { test } from "node:test";
import { traceAddress } from "../../../dashboard/app/api.js";
import { addressOf } from "../../../dashboard/app/http.js";

for (const [path, ids, query, expected] of [
  ["/me", undefined, undefined, "/me"],
  ["/me", {}, {}, "/me"],
  ["/sessions/{id}", { id: "s1" }, undefined, "/sessions/s1"],
  ["/sessions/{id}", { id: "a/b?c#d%2F" }, undefined, "/sessions/a%2Fb%3Fc%23d%252F"],
  ["/apikey/{id}/rotate", { id: "$&{id}" }, undefined, "/apikey/%24%26%7Bid%7D/rotate"],
  ["/logs", {}, { q: "a b&c=ü", limit: 0 }, "/logs?q=a+b%26c%3D%C3%BC&limit=0"],
  ["/logs", {}, { attr: ["a:1", "b:2"], q: "x" }, "/logs?attr=a%3A1&attr=b%3A2&q=x"],
  ["/logs", {}, { attr: [], cursor: null }, "/logs"],
  ["/logs", {}, { q: "", cursor: null, from: undefined }, "/logs"],
]) {
  test(`the address of ${path} with ${JSON.stringify([ids, query])} is ${expected}`, () => {
    assert.equal(addressOf(path, ids, query), expected);
  });
}

for (const [id, expected] of [
  ["4bf92f3577b34da6a3ce929d0e0e4736", "/telemetry/traces/4bf92f3577b34da6a3ce929d0e0e4736?at=now"],
  ["a-b_c.d~e..f", "/telemetry/traces/a-b_c.d~e..f?at=now"],
  ["../a\\b", "/telemetry/traces/-?at=now&traceId=..%2Fa%5Cb"],
  ["100%", "/telemetry/traces/-?at=now&traceId=100%25"],
  ["..", "/telemetry/traces/-?at=now&traceId=.."],
  ["é", "/telemetry/traces/-?at=now&traceId=%C3%A9"],
]) {
  test(`the address of the trace "${id}" is ${expected}`, () => {
    const { ids, query } = traceAddress(id, { applicationId: "", at: "now" });
    assert.equal(addressOf("/telemetry/traces/{id}", ids, query), expected);
  });
}
