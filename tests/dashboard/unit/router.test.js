import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { match, to, withChoices } from "../../../dashboard/app/router.js";

const ROUTES = {
  "/": "start",
  "/applications": "list",
  "/applications/{id}": "one",
  "/applications/{id}/traces": "traces",
  "/applications/{id}/traces/{trace}": "trace",
};

describe("a route", () => {
  for (const [hash, route, params] of [
    ["", "start", {}],
    ["#", "start", {}],
    ["#/", "start", {}],
    ["#/applications", "list", {}],
    ["#/applications/", "list", {}],
    ["#//applications", "list", {}],
    ["#/applications?", "list", {}],
    ["#/applications/a1", "one", { id: "a1" }],
    ["#/applications/a%2Fb", "one", { id: "a/b" }],
    ["#/applications/%3Fx%23y", "one", { id: "?x#y" }],
    ["#/applications/%E4%BD%A0/traces", "traces", { id: "你" }],
    ["#/applications/100%/traces", "traces", { id: "100%" }],
    ["#/applications/%E0%A4%A", "one", { id: "%E0%A4%A" }],
    ["#/applications/{id}", "one", { id: "{id}" }],
    ["#/applications/__proto__", "one", { id: "__proto__" }],
    ["#/applications/a1/traces/t1", "trace", { id: "a1", trace: "t1" }],
    ["#/constructor", null, {}],
    ["#/Applications", null, {}],
    ["#/applications/a1/traces/t1/more", null, {}],
    ["#access_token=x", null, {}],
  ]) {
    test(`"${hash}" leads to ${route === null ? "no page" : `the page "${route}"`}`, () => {
      const found = match(ROUTES, hash);
      assert.equal(found.route, route);
      assert.deepEqual(found.params, params);
    });
  }
});

describe("the query of a route", () => {
  for (const [hash, expected] of [
    ["#/applications", {}],
    ["#/applications?window=1h&q=a%20b+c", { window: "1h", q: "a b c" }],
    ["#/applications?q=why?&status=error", { q: "why?", status: "error" }],
    ["#/nowhere?q=%26%3D", { q: "&=" }],
    ["#/applications?q=a=b#c", { q: "a=b#c" }],
  ]) {
    test(`"${hash}" is ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(Object.fromEntries(match(ROUTES, hash).query), expected);
    });
  }
});

test("ids in a link are percent-encoded", () => {
  assert.equal(to("/applications"), "#/applications");
  assert.equal(
    to("/applications/{}/traces/{}", "a{}1", "$& /?"),
    "#/applications/a%7B%7D1/traces/%24%26%20%2F%3F",
  );
});

test("a route returns the ids that its link was built with", () => {
  for (const id of [
    "a1",
    "a/b",
    "a?b",
    "a#b",
    "100%",
    "%2F",
    "{}",
    "$&",
    "你 好",
    "a\\b",
    "../x",
    "a/../b",
    "..",
    ".",
  ]) {
    assert.deepEqual(match(ROUTES, to("/applications/{}/traces/{}", id, "t")).params, { id, trace: "t" });
  }
});

for (const [name, hash, choices, expected] of [
  ["is added", "#/a", { q: "x y" }, "#/a?q=x+y"],
  ["replaces an earlier value", "#/a?q=1&window=1h", { q: "2" }, "#/a?q=2&window=1h"],
  ["is removed if empty", "#/a?q=1", { q: "" }, "#/a"],
  ["is removed if null", "#/a?q=1&b=2", { q: null }, "#/a?b=2"],
  ["keeps question marks in other values", "#/a?q=why?", { b: "2" }, "#/a?q=why%3F&b=2"],
]) {
  test(`a choice ${name}`, () => assert.equal(withChoices(hash, choices), expected));
}
