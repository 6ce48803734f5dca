import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Problem } from "../../../dashboard/app/http.js";
import { keepFresh } from "../../../dashboard/app/live.js";

/** A page in a visible tab, with a stopped clock. @param {import("node:test").TestContext} t @param {() => Promise<void>} load */
function page(t, load) {
  t.mock.timers.enable({ apis: ["Date", "setTimeout"], now: Date.parse("2026-02-03T20:00:00Z") });
  const document = Object.assign(new EventTarget(), { hidden: false });
  Object.assign(globalThis, { document });
  const { signal } = new AbortController();
  const fresh = keepFresh({ load, pauseMs: () => 4_000, signal, failed: () => {} });
  return { ...fresh, focus: () => document.dispatchEvent(new Event("visibilitychange")) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a page whose quota is used up pauses until it is reset, also when its tab is looked at", async (t) => {
  let loads = 0;
  const { focus, refresh } = page(t, async () => {
    loads += 1;
    throw new Problem(429, { availableAt: "2026-02-04T00:00:00.000Z" });
  });
  await settled();
  for (let hour = 0; hour < 3; hour++) {
    t.mock.timers.tick(3_600_000);
    focus();
    await settled();
  }
  assert.equal(loads, 1);
  refresh();
  await settled();
  assert.equal(loads, 2, "a click on Try again");
  t.mock.timers.tick(3_600_000);
  await settled();
  assert.equal(loads, 3, "after midnight");
});

test("a page that loads well goes on after its pause, and at once when its tab is looked at", async (t) => {
  let loads = 0;
  const { focus } = page(t, async () => {
    loads += 1;
  });
  await settled();
  t.mock.timers.tick(4_000);
  await settled();
  assert.equal(loads, 2);
  focus();
  await settled();
  assert.equal(loads, 3);
});
