import { strict as assert } from "node:assert";
import { afterEach, beforeEach, mock, test } from "node:test";
import { currentToken } from "../../../dashboard/app/session.js";
import { accessToken, isSignedIn, storeTokens } from "../../../dashboard/app/tokens.js";
import { freshStorage } from "./storage.js";

const NOW = Date.parse("2026-02-03T12:00:00Z");

freshStorage({ beforeEach, afterEach });
// Node.js 20 has no navigator, and no version has the address of a page.
globalThis.navigator ??= {};
globalThis.location ??= new URL("https://dashboard.test/");
beforeEach(() => mock.timers.enable({ apis: ["Date"], now: NOW }));
afterEach(() => mock.timers.reset());

test("the user is signed in if a token is stored", () => {
  assert.equal(isSignedIn(), false);
  storeTokens({ token: "", refreshToken: "r" });
  assert.equal(isSignedIn(), true);
});

for (const [expiresIn, earliest, latest] of [
  [900, 600, 870],
  [120, 80, 90],
  [60, 40, 45],
  [0, 0, 0],
  [undefined, 0, 0],
]) {
  test(`a token that lasts ${expiresIn} seconds is renewed after ${earliest} to ${latest}`, (t) => {
    for (const [random, seconds] of [
      [0, latest],
      [0.5, (earliest + latest) / 2],
      [1, earliest],
    ]) {
      t.mock.method(Math, "random", () => random);
      storeTokens({ accessToken: "a", refreshToken: "r", expiresIn });
      assert.equal(Number(localStorage.getItem("tokenRenewAt")), NOW + seconds * 1_000);
    }
  });
}

for (const status of [200, 401]) {
  test(`a response (${status}) is ignored if another session is stored meanwhile`, async (t) => {
    storeTokens({ accessToken: "a", refreshToken: "r1", expiresIn: 0 });
    t.mock.method(globalThis, "fetch", async () => {
      storeTokens({ accessToken: "of another account", refreshToken: "r2", expiresIn: 900 });
      return Response.json({ accessToken: "late", refreshToken: "r1-next" }, { status });
    });
    assert.equal(await currentToken(), "of another account");
    assert.equal(localStorage.getItem("refreshToken"), "r2");
  });
}

test("a token that does not expire soon is used without a refresh", async () => {
  storeTokens({ accessToken: "a", refreshToken: "r", expiresIn: 900 });
  mock.timers.tick(599_000);
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

/** Stores a token that is valid for another 30 seconds and due for renewal. */
function dueToken() {
  storeTokens({ accessToken: "a", refreshToken: "r", expiresIn: 360 });
  mock.timers.tick(330_000);
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a token whose renewal is due is used while the renewal runs", async (t) => {
  dueToken();
  let answer;
  const answered = new Promise((resolve) => {
    answer = resolve;
  });
  const fetch = t.mock.method(globalThis, "fetch", () => answered);
  assert.deepEqual([await currentToken(), await currentToken()], ["a", "a"]);
  await settled();
  assert.equal(fetch.mock.callCount(), 1);
  answer(Response.json({ accessToken: "b", refreshToken: "r", expiresIn: 360 }));
  await settled();
  assert.equal(await currentToken(), "b");
});

for (const [retryAfter, seconds] of [
  ["1", 10],
  ["20", 20],
]) {
  test(`a renewal that failed with Retry-After: ${retryAfter} is sent again after ${seconds} s`, async (t) => {
    const headers = { "retry-after": retryAfter };
    const fetch = t.mock.method(globalThis, "fetch", async () => Response.json({}, { status: 503, headers }));
    // After the pause that the previous test has left behind.
    mock.timers.tick(seconds * 3_600_000);
    dueToken();
    for (const [wait, count] of [
      [0, 1],
      [seconds * 1_000 - 1, 1],
      [1, 2],
    ]) {
      mock.timers.tick(wait);
      assert.equal(await currentToken(), "a");
      await settled();
      assert.equal(fetch.mock.callCount(), count);
    }
  });
}
