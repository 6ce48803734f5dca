// Times in local time and in UTC, and the values of inputs.

import { strict as assert } from "node:assert";
import { afterEach, beforeEach, test } from "node:test";
import { timeTicks } from "../../../dashboard/app/charts/time-ticks.js";
import { clockMs, moment, otherDay, timeRange } from "../../../dashboard/app/format.js";
import {
  chosenZone,
  inputValue,
  nameOfZone,
  showIn,
  startOfDay,
  storeZone,
  timeOfInput,
} from "../../../dashboard/app/zone.js";
import { freshStorage } from "./storage.js";
import { inZone } from "./zone.js";

freshStorage({ beforeEach, afterEach });
afterEach(() => showIn("local"));

const NOON = Date.parse("2026-07-01T12:00:00.250Z");
const chosen = (query) => chosenZone(new URLSearchParams(query));

test("the address decides on the zone, then the last choice, then it is local time", () => {
  assert.equal(chosen(""), "local");
  storeZone("utc");
  assert.equal(chosen(""), "utc");
  assert.equal(chosen("zone=local"), "local");
  storeZone("local");
  assert.equal(chosen("zone=utc"), "utc");
  assert.equal(chosen("zone=constructor"), "local");
});

test("all times are in the zone that is shown", () => {
  inZone("Asia/Kolkata", () => {
    assert.equal(moment(NOON), "1 Jul 2026, 17:30:00");
    assert.equal(clockMs(NOON), "17:30:00.250");
    showIn("utc");
    assert.equal(moment(NOON), "1 Jul 2026, 12:00:00");
    assert.equal(clockMs(NOON), "12:00:00.250");
    assert.equal(timeRange(NOON, NOON + 3_600_000), "1 Jul, 12:00 – 13:00");
    const evening = NOON + 8 * 3_600_000;
    assert.equal(otherDay(NOON, evening), "", "the same day of UTC, and another in Kolkata");
    assert.equal(new Date(startOfDay(NOON, 1)).toISOString(), "2026-07-02T00:00:00.000Z");
    const ticks = timeTicks(NOON, NOON + 4 * 86_400_000, 4).map(({ label }) => label);
    assert.deepEqual(ticks, ["2 Jul", "3 Jul", "4 Jul", "5 Jul"]);
  });
});

test("zones are named with their offset", () => {
  const name = (zone) => inZone(zone, () => nameOfZone("local", NOON));
  assert.equal(name("Asia/Kolkata"), "local time (UTC+5:30)");
  assert.equal(name("America/New_York"), "local time (UTC−4)");
  assert.equal(name("UTC"), "local time (UTC)");
  assert.equal(nameOfZone("utc", NOON), "UTC");
});

for (const zone of ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]) {
  test(`what an input shows in ${zone} is the time that it means`, () => {
    for (const shown of ["local", "utc"]) {
      inZone(zone, () => {
        showIn(shown);
        const at = Date.parse("2026-01-31T23:59:58Z");
        assert.equal(timeOfInput(inputValue(at)), at, shown);
      });
    }
  });
}

test("an input that has not been changed means exactly the time that it shows", () => {
  inZone("Europe/Berlin", () => {
    for (const text of ["2026-01-31T23:59:58.250Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]) {
      const at = Date.parse(text);
      assert.equal(timeOfInput(inputValue(at), at), at, text);
      const later = Date.parse("2026-11-02T08:00:00Z");
      assert.equal(timeOfInput(inputValue(later), at), later, text);
    }
  });
});

test("an empty input has no time", () => {
  for (const zone of ["local", "utc"]) {
    showIn(zone);
    assert.ok(Number.isNaN(timeOfInput("")), zone);
  }
});
