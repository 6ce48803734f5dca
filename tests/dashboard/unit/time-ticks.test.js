// The time axis, in particular when the clocks change. Times in the tables are UTC.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { timeTicks } from "../../../dashboard/app/charts/time-ticks.js";
import { inZone } from "./zone.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const ticks = (zone, from, to, wanted) =>
  inZone(zone, () => timeTicks(Date.parse(from), Date.parse(to), wanted));
const labels = (...range) => ticks(...range).map(({ label }) => label);
/** Day and time in UTC, to the minute. */
const times = (...range) =>
  ticks(...range).map(({ at }) => new Date(at).toISOString().slice(8, 16).replace("T", " "));

const DAY_STARTS = [
  {
    name: "Berlin puts its clocks forward",
    range: ["Europe/Berlin", "2026-03-27T12:00Z", "2026-04-01T12:00Z", 6],
    starts: ["27 23:00", "28 23:00", "29 22:00", "30 22:00", "31 22:00"],
    days: ["28 Mar", "29 Mar", "30 Mar", "31 Mar", "1 Apr"],
  },
  {
    name: "Berlin puts its clocks back",
    range: ["Europe/Berlin", "2026-10-22T12:00Z", "2026-10-28T12:00Z", 6],
    starts: ["22 22:00", "23 22:00", "24 22:00", "25 23:00", "26 23:00", "27 23:00"],
    days: ["23 Oct", "24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct"],
  },
  {
    name: "New York puts its clocks forward",
    range: ["America/New_York", "2026-03-07T00:00Z", "2026-03-10T12:00Z", 6],
    starts: ["07 05:00", "08 05:00", "09 04:00", "10 04:00"],
    days: ["7 Mar", "8 Mar", "9 Mar", "10 Mar"],
  },
  {
    name: "Lord Howe puts its clocks back by half an hour",
    range: ["Australia/Lord_Howe", "2026-04-03T00:00Z", "2026-04-06T15:00Z", 6],
    starts: ["03 13:00", "04 13:00", "05 13:30", "06 13:30"],
    days: ["4 Apr", "5 Apr", "6 Apr", "7 Apr"],
  },
  {
    name: "a day of Havana begins at 01:00",
    range: ["America/Havana", "2026-03-06T12:00Z", "2026-03-09T12:00Z", 6],
    starts: ["07 05:00", "08 05:00", "09 04:00"],
    days: ["7 Mar", "8 Mar", "9 Mar"],
  },
];

for (const { name, range, starts, days } of DAY_STARTS) {
  test(`days begin at the start of the local day when ${name}`, () => {
    assert.deepEqual(times(...range), starts);
    assert.deepEqual(labels(...range), days);
  });
}

const CLOCKS = [
  {
    name: "skip a time that the clock skipped",
    range: ["Europe/Berlin", "2026-03-28T23:00Z", "2026-03-29T06:00Z", 4],
    expected: ["00:00", "04:00", "06:00", "08:00"],
  },
  {
    name: "show a repeated time once when steps are longer than the change",
    range: ["Europe/Berlin", "2026-10-24T20:00Z", "2026-10-25T07:00Z", 8],
    expected: ["22:00", "00:00", "02:00", "04:00", "06:00", "08:00"],
  },
  {
    name: "show a repeated hour twice when it has room for both",
    range: ["Europe/Berlin", "2026-10-24T23:00Z", "2026-10-25T03:00Z", 5],
    expected: ["01:00", "02:00", "02:00", "03:00", "04:00"],
  },
  {
    name: "go on through the repeated hour of New York",
    range: ["America/New_York", "2026-11-01T05:00Z", "2026-11-01T07:00Z", 4],
    expected: ["01:00", "01:30", "01:00", "01:30", "02:00"],
  },
  {
    name: "stay on full hours when Lord Howe moves by half an hour forward",
    range: ["Australia/Lord_Howe", "2026-10-03T13:30Z", "2026-10-03T19:00Z", 6],
    expected: ["00:00", "01:00", "03:00", "04:00", "05:00", "06:00"],
  },
  {
    name: "stay on full hours when Lord Howe moves by half an hour back",
    range: ["Australia/Lord_Howe", "2026-04-04T13:00Z", "2026-04-04T18:30Z", 6],
    expected: ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"],
  },
  {
    name: "are full hours of a zone that is half an hour off",
    range: ["Asia/Kolkata", "2026-10-25T00:00Z", "2026-10-25T04:00Z", 5],
    expected: ["06:00", "07:00", "08:00", "09:00"],
  },
  {
    name: "are quarters of a zone that is three quarters of an hour off",
    range: ["Asia/Kathmandu", "2026-10-25T00:00Z", "2026-10-25T01:00Z", 4],
    expected: ["05:45", "06:00", "06:15", "06:30", "06:45"],
  },
];

for (const { name, range, expected } of CLOCKS) {
  test(`clock times ${name}`, () => assert.deepEqual(labels(...range), expected));
}

test("steps below a minute are labelled with seconds", () => {
  assert.deepEqual(labels("UTC", "2026-02-03T10:00:03Z", "2026-02-03T10:00:21Z", 4), [
    "10:00:05",
    "10:00:10",
    "10:00:15",
    "10:00:20",
  ]);
});

test("each day of a week is labelled once on a wide screen", () => {
  const week = labels("Europe/Berlin", "2026-10-20T12:00Z", "2026-10-27T12:00Z", 30);
  assert.deepEqual(week, ["21 Oct", "22 Oct", "23 Oct", "24 Oct", "25 Oct", "26 Oct", "27 Oct"]);
});

test("ticks several days apart keep their dates as time advances", () => {
  const now = labels("Europe/Berlin", "2026-03-01T12:00Z", "2026-04-01T12:00Z", 8);
  const tomorrow = labels("Europe/Berlin", "2026-03-02T12:00Z", "2026-04-02T12:00Z", 8);
  assert.equal(now.length, 8);
  assert.ok(
    now.slice(1).every((label) => tomorrow.includes(label)),
    `${now} and ${tomorrow}`,
  );
});

test("an empty time range has one tick at most, a reversed one none", () => {
  const noon = Date.parse("2026-02-03T12:00Z");
  assert.deepEqual(timeTicks(noon, noon - HOUR, 6), []);
  assert.deepEqual(
    timeTicks(noon, noon, 6).map(({ at }) => at),
    [noon],
  );
  assert.deepEqual(timeTicks(NaN, NaN, 6), []);
});

// These tests use the time zone of the process. run.sh sets several.
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

test(`ticks throughout a year in ${here} are ordered, within the time range, and not too many`, () => {
  for (let from = Date.parse("2026-01-01T00:07Z"); from < Date.parse("2027-01-01"); from += 7 * HOUR) {
    for (const [length, wanted] of [
      [HOUR, 9],
      [6 * HOUR, 12],
      [DAY, 7],
      [7 * DAY, 10],
    ]) {
      const at = timeTicks(from, from + length, wanted).map((tick) => tick.at);
      const where = new Date(from).toISOString();
      // A day of 25 hours can have one tick more.
      assert.ok(at.length >= 1 && at.length <= wanted + 2, `${at.length} ticks at ${where}`);
      assert.ok(at[0] >= from && at[at.length - 1] <= from + length, where);
      assert.ok(
        at.every((time, index) => index === 0 || time > at[index - 1]),
        where,
      );
    }
  }
});

test(`ticks throughout a year in ${here} are at 00:00, 06:00, 12:00 and 18:00 with steps of six hours`, () => {
  for (let from = Date.parse("2026-01-01"); from < Date.parse("2027-01-01"); from += DAY) {
    for (const { label } of timeTicks(from, from + DAY, 4)) {
      assert.match(label, /^(00|06|12|18):00$/, new Date(from).toISOString());
    }
  }
});

test(`each day of a year in ${here} is labelled once`, () => {
  const year = timeTicks(Date.parse("2026-01-01T12:00Z"), Date.parse("2026-12-30T12:00Z"), 400);
  assert.equal(new Set(year.map(({ label }) => label)).size, year.length);
  assert.ok(year.length >= 362 && year.length <= 364, String(year.length));
});
