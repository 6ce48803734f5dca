import { strict as assert } from "node:assert";
import { test } from "node:test";
import { showIn } from "../../../dashboard/app/zone.js";
import { filterOf, sampleText, titleOfNone } from "../../../dashboard/app/pages/differences.js";

for (const [difference, filters] of [
  [
    { field: "service", value: "pay" },
    { service: "pay", name: "", attr: [] },
  ],
  [
    { field: "name", value: "GET /a", service: "shop" },
    { service: "shop", name: "GET /a", attr: [] },
  ],
  [
    { field: "name", value: "GET /a", service: null },
    { service: "", name: "GET /a", attr: [] },
  ],
  [
    { field: "attr", key: "a:b", value: "7", service: "pay" },
    { service: "pay", name: "", attr: ["a\\:b:7"] },
  ],
  [
    { field: "attr", key: "a", value: "7", service: null },
    { service: "", name: "", attr: ["a:7"] },
  ],
]) {
  test(`the filters of ${difference.key ?? difference.field} ${difference.value} find its spans, whatever was compared`, () =>
    assert.deepEqual(filterOf(difference), filters));
}

test("without a failed trace in a part of the range, nothing is said about the rest of it", () => {
  const sample = { events: 100, of: 100, from: null, to: null };
  const whole = { sample, searchedTo: null, isTruncated: false, gaps: [] };
  assert.equal(titleOfNone(whole, "failed", { name: "1h" }), "No failed traces in the last 1 h");
  const hour = { from: "2026-01-31T18:00:00Z", to: "2026-01-31T19:00:00Z" };
  for (const part of [
    { searchedTo: hour.from },
    { isTruncated: true },
    { gaps: [hour] },
    { sample: { ...sample, of: 101 } },
  ])
    assert.equal(titleOfNone({ ...whole, ...part }, "slow", { name: "1h" }), "No slow traces in the sample");
});

test("the text about the sample says how much of the range it is", () => {
  const sample = { events: 1_200, of: 36_000, from: null, to: null };
  const preferred = "Failed traces were preferred, so the sample has a greater share of them.";
  assert.equal(
    sampleText({ sample, searchedTo: null, isTruncated: false }, "failed"),
    `From a sample of 1,200 of 36,000 spans. ${preferred}`,
  );
  const times = { from: "2026-01-31T18:00:00Z", to: "2026-01-31T18:10:00Z" };
  showIn("utc");
  const timed = sampleText(
    { sample: { ...sample, ...times }, searchedTo: null, isTruncated: false },
    "failed",
  );
  showIn("local");
  assert.ok(timed.includes(" It covers 31 Jan, 18:00 – 18:10. "), timed);
  assert.equal(
    sampleText({ sample: { ...sample, ...times, of: 1_200 }, searchedTo: null, isTruncated: false }, "slow"),
    "From a sample of 1,200 of 1,200 spans.",
  );
  const at = new Date();
  at.setHours(9, 5, 0, 0);
  const cut = sampleText({ sample, searchedTo: at.toISOString(), isTruncated: true }, "slow");
  assert.ok(cut.includes("Searched back to 09:05."), cut);
  assert.ok(cut.endsWith("The sample had more values than can be compared."), cut);
});
