import { strict as assert } from "node:assert";
import { test } from "node:test";
import { userOf } from "../../../dashboard/app/tokens.js";

const tokenOf = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;

test("the user of a token has a name in any script", () => {
  const claims = { sub: "7", name: "Zoë 你好 <b>", email: "zoe@example.com", sid: "x" };
  assert.deepEqual(userOf(tokenOf(claims)), { sub: "7", name: "Zoë 你好 <b>", email: "zoe@example.com" });
});

for (const [claims, name] of [
  [{ sub: "7", name: "", email: "zoe@example.com" }, "zoe@example.com"],
  [{ sub: "7" }, "7"],
]) {
  test(`a user without a name is shown as ${name}`, () => assert.equal(userOf(tokenOf(claims)).name, name));
}

for (const token of [null, "", "not.a.token", "a", "..", tokenOf(null), tokenOf({ sub: 7 }), "e30.bnVsbA"]) {
  test(`${JSON.stringify(token)} has no user`, () => assert.equal(userOf(token), null));
}
