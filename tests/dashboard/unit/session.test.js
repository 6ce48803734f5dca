import { strict as assert } from "node:assert";
import { afterEach, beforeEach, mock, test } from "node:test";
import { accessToken, currentToken, isSignedIn, keep } from "../../../dashboard/app/session.js";
import { freshStorage } from "./storage.js";

const NOW = Date.parse("2026-02-03T12:00:00Z");

freshStorage({ beforeEach, afterEach });
beforeEach(() => mock.timers.enable({ apis: ["Date"], now: NOW }));
afterEach(() => mock.timers.reset());

test("nobody is signed in without a token", () => {
  assert.equal(isSignedIn(), false);
  keep({ token: "", refreshToken: "r" });
  assert.equal(isSignedIn(), true);
});

for (const [expiresIn, seconds, when] of [
  [900, 870, "half a minute before it expires"],
  [120, 90, "half a minute before it expires"],
  [40, 30, "after three quarters of its life"],
  [0, 0, "at once"],
  [undefined, 0, "at once"],
]) {
  test(`a token that lasts ${expiresIn} seconds is renewed ${when}`, () => {
    keep({ accessToken: "a", refreshToken: "r", expiresIn });
    assert.equal(Number(localStorage.getItem("tokenRenewAt")), NOW + seconds * 1_000);
  });
}

test("a token that lasts long enough is used as it is", async () => {
  keep({ accessToken: "a", refreshToken: "r", expiresIn: 900 });
  mock.timers.tick(869_000);
  assert.equal(await currentToken(), "a");
});

test("the fragment's token is kept as the answer's access token is", () => {
  keep({ token: "from the fragment", expiresIn: 900 });
  assert.equal(accessToken(), "from the fragment");
  keep({ accessToken: "from an answer", expiresIn: 900 });
  assert.equal(accessToken(), "from an answer");
});

test("an answer without a refresh token leaves the one there is", () => {
  keep({ accessToken: "a", refreshToken: "r1", expiresIn: 900 });
  keep({ accessToken: "b", expiresIn: 900 });
  assert.equal(localStorage.getItem("refreshToken"), "r1");
});
