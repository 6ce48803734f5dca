import { strict as assert } from "node:assert";
import { test } from "node:test";
import { filterOf, sampleText } from "../../../dashboard/app/pages/differences.js";

const NONE = { service: "", name: "", attr: [] };

for (const [difference, filters, filter] of [
  [{ field: "service", value: "pay" }, NONE, { service: "pay" }],
  [{ field: "name", value: "GET /a", service: "shop" }, NONE, { name: "GET /a", service: "shop" }],
  [{ field: "name", value: "GET /a", service: null }, NONE, { name: "GET /a", service: "" }],
  [{ field: "attr", key: "a:b", value: "7" }, NONE, { attr: ["a\\:b:7"] }],
  [{ field: "attr", key: "a", value: "7" }, { ...NONE, attr: ["b:1"] }, { attr: ["b:1", "a:7"] }],
  [{ field: "attr", key: "a", value: "7" }, { ...NONE, attr: ["a:7"] }, { attr: ["a:7"] }],
]) {
  test(`the filter of ${difference.key ?? difference.field} ${difference.value} finds its spans`, () =>
    assert.deepEqual(filterOf(difference, filters), filter));
}

test("the text about the sample says how much of the range it is", () => {
  const sample = { events: 1_200, of: 36_000, from: null, to: null };
  assert.equal(
    sampleText({ sample, searchedTo: null, isTruncated: false }),
    "From a sample of 1,200 of 36,000 spans.",
  );
  const at = new Date();
  at.setHours(9, 5, 0, 0);
  const cut = sampleText({ sample, searchedTo: at.toISOString(), isTruncated: true });
  assert.ok(cut.includes("Searched back to 09:05."), cut);
  assert.ok(cut.endsWith("The sample had more values than can be compared."), cut);
});
