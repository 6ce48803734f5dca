import { strict as assert } from "node:assert";
import { afterEach, beforeEach, mock, test } from "node:test";
import { accessToken, currentToken, isSignedIn, storeTokens } from "../../../dashboard/app/session.js";
import { freshStorage } from "./storage.js";

const NOW = Date.parse("2026-02-03T12:00:00Z");

freshStorage({ beforeEach, afterEach });
beforeEach(() => mock.timers.enable({ apis: ["Date"], now: NOW }));
afterEach(() => mock.timers.reset());

test("the user is signed in if a token is stored", () => {
  assert.equal(isSignedIn(), false);
  storeTokens({ token: "", refreshToken: "r" });
  assert.equal(isSignedIn(), true);
});

for (const [expiresIn, seconds, when] of [
  [900, 870, "half a minute before it expires"],
  [120, 90, "half a minute before it expires"],
  [40, 30, "after three quarters of its lifetime"],
  [0, 0, "at once"],
  [undefined, 0, "at once"],
]) {
  test(`a token that lasts ${expiresIn} seconds is renewed ${when}`, () => {
    storeTokens({ accessToken: "a", refreshToken: "r", expiresIn });
    assert.equal(Number(localStorage.getItem("tokenRenewAt")), NOW + seconds * 1_000);
  });
}

test("a token that does not expire soon is used without a refresh", async () => {
  storeTokens({ accessToken: "a", refreshToken: "r", expiresIn: 900 });
  mock.timers.tick(869_000);
  assert.equal(await currentToken(), "a");
});

test("the access token is stored from a fragment and from a response", () => {
  storeTokens({ token: "from the fragment", expiresIn: 900 });
  assert.equal(accessToken(), "from the fragment");
  storeTokens({ accessToken: "from a response", expiresIn: 900 });
  assert.equal(accessToken(), "from a response");
});

test("a response without a refresh token keeps the stored one", () => {
  storeTokens({ accessToken: "a", refreshToken: "r1", expiresIn: 900 });
  storeTokens({ accessToken: "b", expiresIn: 900 });
  assert.equal(localStorage.getItem("refreshToken"), "r1");
});
