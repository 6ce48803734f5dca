import assert from "node:assert/strict";
import { test } from "node:test";
import { repeatable } from "../../../dashboard/app/repeatable.js";

test("the same values are sent again with the same body and key, others with new ones", () => {
  let made = 0;
  const creation = repeatable((/** @type {{ name: string }} */ { name }) => ({ name, number: ++made }));
  const first = creation({ name: "Shop" });
  assert.deepEqual(first.body, { name: "Shop", number: 1 });
  assert.match(first.key, /^[0-9a-f-]{36}$/);
  assert.equal(creation({ name: "Shop" }), first);
  const other = creation({ name: "Till" });
  assert.equal(other.body.number, 2);
  assert.notEqual(other.key, first.key);
});
