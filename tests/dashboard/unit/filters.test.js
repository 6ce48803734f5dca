import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  attribute,
  chipsOf,
  filtersOf,
  keyAndValue,
  suggestionsOf,
  traceIdIn,
  withAttribute,
  withTyped,
} from "../../../dashboard/app/filters.js";
import { withChoices } from "../../../dashboard/app/router.js";

const NONE = { service: "", name: "", attr: [] };

for (const [key, value, text] of [
  ["customer", "7", "customer:7"],
  ["url", "http://a:80/", "url:http://a:80/"],
  ["aws:tag", "a\\b", "aws\\:tag:a\\b"],
  ["a\\", "", "a\\\\:"],
]) {
  test(`the attribute ${key} with the value "${value}" is ${text}`, () => {
    assert.equal(attribute(key, value), text);
    assert.deepEqual(keyAndValue(text), [key, value]);
  });
}

for (const text of ["", "word", ":value", "a\\b:c", "key\\:"]) {
  test(`"${text}" is not an attribute`, () => assert.equal(keyAndValue(text), null));
}

test("filters are kept in the address, each attribute by itself", () => {
  const filters = { service: "shop", name: "GET /cart", attr: ["customer:ada & co", "vip:true"] };
  const hash = withChoices("#/applications/a/traces?window=1h", filters);
  assert.equal(
    hash,
    "#/applications/a/traces?window=1h&service=shop&name=GET+%2Fcart&attr=customer%3Aada+%26+co&attr=vip%3Atrue",
  );
  assert.deepEqual(filtersOf(new URLSearchParams(hash.split("?")[1])), filters);
  assert.equal(withChoices(hash, NONE), "#/applications/a/traces?window=1h");
});

test("a typed filter is a service, a name or an attribute", () => {
  assert.deepEqual(withTyped(NONE, "service:shop", true), { service: "shop" });
  assert.deepEqual(withTyped(NONE, " name:GET /cart ", true), { name: "GET /cart" });
  assert.deepEqual(withTyped(NONE, "name:GET /cart", false), { attr: ["name:GET /cart"] });
  assert.deepEqual(withTyped(NONE, "customer:7", true), { attr: ["customer:7"] });
  assert.equal(withTyped(NONE, "word", true), null);
});

test("an attribute is added once, and at most eight attributes are added", () => {
  const eight = Array.from({ length: 8 }, (_, index) => `key:${index}`);
  assert.deepEqual(withAttribute({ ...NONE, attr: ["a:1"] }, "a:1"), { attr: ["a:1"] });
  assert.deepEqual(withAttribute({ ...NONE, attr: eight.slice(1) }, "a:1")?.attr.length, 8);
  assert.equal(withAttribute({ ...NONE, attr: eight }, "a:1"), null);
});

test("each filter has a chip that removes it alone", () => {
  const chips = chipsOf({ service: "shop", name: "", attr: ["a\\:b:1", "c:2"] });
  assert.deepEqual(chips, [
    { key: "service", value: "shop", without: { service: "" } },
    { key: "a:b", value: "1", without: { attr: ["c:2"] } },
    { key: "c", value: "2", without: { attr: ["a\\:b:1"] } },
  ]);
});

test("suggestions are typed filters, and attributes that would be read as others are left out", () => {
  const value = (text) => ({ value: text, count: 1 });
  const fields = {
    services: ["shop"],
    operations: ["GET /"],
    attributes: [
      { name: "a:b", values: [value("1"), value("2")] },
      { name: "name", values: [value("x")] },
    ],
  };
  assert.deepEqual(suggestionsOf(fields, true), ["service:shop", "name:GET /", "a\\:b:1", "a\\:b:2"]);
  assert.deepEqual(suggestionsOf(fields, false), ["service:shop", "a\\:b:1", "a\\:b:2", "name:x"]);
});

test("a trace id is recognized in upper and lower case and between spaces, and keeps its case", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  for (const [text, found] of [
    [id, id],
    [` ${id.toUpperCase()} `, id.toUpperCase()],
    [id.slice(1), null],
    [`${id}0`, null],
    [`x ${id}`, null],
    ["0".repeat(32), null],
    ["", null],
  ])
    assert.equal(traceIdIn(text), found, text);
});
