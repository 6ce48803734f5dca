import { strict as assert } from "node:assert";
import { test } from "node:test";
import { failures, following, matches } from "../../../dashboard/app/trace/find.js";
import { minimap, pathOf } from "../../../dashboard/app/trace/minimap.js";
import { treeOf } from "../../../dashboard/app/trace/tree.js";
import { log, span, trace } from "./trace-samples.js";

const TREE = treeOf(
  trace(
    [
      span("root", null, 0, [0, 100], { name: "POST /checkout", service: "storefront" }),
      span("pay", "root", 1, [10, 90], {
        name: "charge",
        service: "payments",
        isError: true,
        statusMessage: "Timeout of the processor",
        attributes: { "order.id": "A-1042", retries: 3, tags: ["eu", "vip"] },
        resource: { "host.name": "node-7" },
        events: [{ name: "exception", attributes: { "exception.type": "IOException" } }],
      }),
    ],
    [log("pay", 50, "the processor did not answer", { attributes: { attempt: 2 } })],
  ),
);

for (const [question, rows] of [
  ["checkout", [0]],
  ["STOREFRONT", [0]],
  ["a-1042", [1]],
  ["order.id=A-1042", [1]],
  ["retries=3", [1]],
  ["vip", [1]],
  ["node-7", [1]],
  ["ioexception", [1]],
  ["processor", [1, 2]],
  ["processor answer", [2]],
  ["attempt=2", [2]],
  ["pay", [1]],
  ["nothing of the kind", []],
  ["", []],
  ["   ", []],
]) {
  test(`"${question}" finds ${rows.length ? `the rows ${rows}` : "nothing"}`, () => {
    assert.deepEqual(matches(TREE.rows, question), rows);
  });
}

test("failures are the failed spans", () => {
  assert.deepEqual(failures(TREE.rows), [1]);
});

test("next and previous go around", () => {
  const positions = [3, 7, 9];
  assert.deepEqual(
    [-1, 3, 5, 9].map((at) => following(positions, at, 1)),
    [0, 1, 1, 0],
  );
  assert.deepEqual(
    [-1, 3, 8, 9].map((at) => following(positions, at, -1)),
    [2, 2, 1, 1],
  );
  assert.equal(following([], 3, 1), -1);
});

test("the minimap has few shapes for many spans, and shows a failure among them", () => {
  const spans = Array.from({ length: 10_000 }, (_, at) =>
    span(`s${at}`, at ? "s0" : null, at ? 1 : 0, at ? [at, at + 1] : [0, 10_000], {
      isError: at === 5_000,
      service: `service ${at % 3}`,
    }),
  );
  const bars = minimap(treeOf(trace(spans)), (service) => `tone-${service?.at(-1)}`, 300, 20);
  const count = [...bars.values()].reduce((sum, list) => sum + list.length, 0);
  assert.ok(count <= 300 * 20, String(count));
  assert.deepEqual(
    bars.get("failed").map(({ from, to }) => [from, to]),
    [[150, 151]],
  );
  for (const { lane, from, to } of [...bars.values()].flat())
    assert.ok(lane >= 0 && lane < 20 && from >= 0 && from < to && to <= 300);
});

test("bars become one path", () => {
  assert.equal(pathOf([{ lane: 2, from: 10, to: 30 }], 1.5, 2), "M10 4h20v1.5h-20z");
});
