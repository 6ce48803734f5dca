import { strict as assert } from "node:assert";
import { test } from "node:test";
import { durationOptions, minOf } from "../../../dashboard/app/pages/durations.js";

const min = (query) => minOf(new URLSearchParams(query));

test("the minimum duration in an address is whole milliseconds, or none", () => {
  assert.deepEqual([min("min=500"), min("min=250")], ["500", "250"]);
  for (const odd of [
    "",
    "min=",
    "min=0",
    "min=-1",
    "min=1.5",
    "min=0500",
    "min=1e3",
    "min=x",
    "min=9999999999",
  ])
    assert.equal(min(odd), "", odd);
});

test("the duration in the address is offered even if it is not a usual choice", () => {
  const label = (text) => text;
  const offered = durationOptions("", label);
  assert.deepEqual(offered[0], ["10", "≥ 10 ms"]);
  assert.deepEqual(offered.at(-1), ["5000", "≥ 5 s"]);
  assert.deepEqual(durationOptions("500", label), offered);
  const more = durationOptions("250", (text) => `Traces ${text}`);
  assert.deepEqual(more.length, offered.length + 1);
  assert.deepEqual(more[2], ["250", "Traces ≥ 250 ms"]);
});
