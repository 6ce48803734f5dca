import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import * as format from "../../../dashboard/app/format.js";
import { inZone } from "./zone.js";

/** @param {string} name @param {(...values: any[]) => string} write @param {[any[], string][]} table */
function writes(name, write, table) {
  describe(name, () => {
    for (const [values, expected] of table) {
      const shown = values.map((value) => (typeof value === "string" ? `"${value}"` : String(value)));
      test(`writes ${shown.join(" of ")} as "${expected}"`, () => {
        assert.equal(write(...values), expected);
      });
    }
  });
}

const S = 1_000;
const H = 3_600_000;
const D = 24 * H;

writes("a duration", format.duration, [
  [[null], "–"],
  [[undefined], "–"],
  [[NaN], "–"],
  [[Infinity], "–"],
  [[0], "0 ms"],
  [[-0], "0 ms"],
  [[0.00001], "1 µs"],
  [[0.0005], "1 µs"],
  [[0.25], "250 µs"],
  [[0.9994], "999 µs"],
  [[0.9996], "1 ms"],
  [[1], "1 ms"],
  [[1.234], "1.23 ms"],
  [[9.996], "10 ms"],
  [[12.345], "12.3 ms"],
  [[99.96], "100 ms"],
  [[345.6], "346 ms"],
  [[999.4], "999 ms"],
  [[999.6], "1 s"],
  [[1 * S], "1 s"],
  [[1.25 * S], "1.25 s"],
  [[59.95 * S], "59.95 s"],
  [[59.994 * S], "59.99 s"],
  [[59.996 * S], "1 m 0 s"],
  [[60 * S], "1 m 0 s"],
  [[125 * S], "2 m 5 s"],
  [[119.6 * S], "2 m 0 s"],
  [[H - 0.4 * S], "1 h 0 m"],
  [[H], "1 h 0 m"],
  [[1.5 * H], "1 h 30 m"],
  [[D - 20 * S], "1 d 0 h"],
  [[D], "1 d 0 h"],
  [[90 * D + 5 * H], "90 d 5 h"],
  [[1e15], "11,574,074 d 2 h"],
  [[-12.5], "−12.5 ms"],
  [[-90 * S], "−1 m 30 s"],
]);

writes("a share", format.percent, [
  [[0, 0], "–"],
  [[1, 0], "–"],
  [[NaN, 10], "–"],
  [[1, NaN], "–"],
  [[0, 10], "0 %"],
  [[1, 100_000], "<0.1 %"],
  [[4, 1_000], "0.4 %"],
  [[9.96, 100], "10 %"],
  [[12.4, 100], "12 %"],
  [[994, 1_000], "99 %"],
  [[999, 1_000], ">99 %"],
  [[10, 10], "100 %"],
]);

writes("a count", format.count, [
  [[0], "0"],
  [[1_234], "1,234"],
  [[-5], "-5"],
]);

writes("a compact number", format.compact, [
  [[0], "0"],
  [[999], "999"],
  [[1_234], "1.2K"],
  [[999_999], "1M"],
  [[0.25], "0.3"],
]);

writes("a rate", format.perTime, [
  [[0], "0/h"],
  [[0.000556], "2/h"],
  [[1 / 60], "1/min"],
  [[0.2], "12/min"],
  [[1], "1/s"],
  [[1234.5], "1.2K/s"],
]);

writes("a plural", format.plural, [
  [[0, "span"], "0 spans"],
  [[1, "span"], "1 span"],
  [[1_000, "span"], "1,000 spans"],
]);

const NOW = Date.parse("2026-02-03T14:00:00Z");
writes("the age", (seconds) => format.ago(new Date(NOW - seconds * 1_000).toISOString(), NOW), [
  [[0], "just now"],
  [[59], "just now"],
  [[60], "1 min. ago"],
  [[59.4 * 60], "59 min. ago"],
  [[59.6 * 60], "1 hr. ago"],
  [[23.7 * 3_600], "yesterday"],
  [[3 * 86_400], "3 days ago"],
  [[29.8 * 86_400], "last mo."],
  [[400 * 86_400], "last yr."],
  [[-3_600], "in 1 hr."],
]);

writes("a user agent", format.userAgent, [
  [["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"], "Firefox on Linux"],
  [
    ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"],
    "Edge on Windows",
  ],
  [["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"], "Safari on iPhone"],
  [["curl/8.5.0"], "curl"],
  [[""], "Unknown device"],
]);

writes("a value", format.plain, [
  [["a b"], "a b"],
  [[0], "0"],
  [[null], "null"],
  [[true], "true"],
]);

test("times and dates are in the local time zone", () => {
  const at = "2026-02-03T20:03:07.120Z";
  inZone("Asia/Kolkata", () => {
    assert.equal(format.moment(at), "4 Feb 2026, 01:33:07");
    assert.equal(format.clockMs(at), "01:33:07.120");
    assert.equal(format.clockShort(at), "01:33");
    assert.equal(format.day(at), "4 Feb");
  });
  inZone("America/New_York", () => assert.equal(format.moment(at), "3 Feb 2026, 15:03:07"));
});

test("midnight is 00:00", () => {
  inZone("UTC", () => assert.equal(format.clock("2026-02-03T00:00:00Z"), "00:00:00"));
});

test("the date is omitted for today in the local time zone", () => {
  const now = Date.parse("2026-02-03T20:00:00Z");
  const morning = "2026-02-03T09:00:00Z";
  inZone("UTC", () => assert.equal(format.otherDay(morning, now), ""));
  inZone("Asia/Kolkata", () => assert.equal(format.otherDay(morning, now), "3 Feb"));
});

describe("a time range", () => {
  const timeRange = (zone, from, to) =>
    inZone(zone, () => format.timeRange(Date.parse(from), Date.parse(to)));

  test("has the date and both times", () => {
    assert.equal(
      timeRange("Europe/Berlin", "2026-02-03T13:00Z", "2026-02-03T13:15Z"),
      "3 Feb, 14:00 – 14:15",
    );
  });

  test("has the offset of both ends if the clocks change within it", () => {
    const hour = ["2026-10-25T00:00Z", "2026-10-25T01:00Z"];
    assert.equal(timeRange("Europe/Berlin", ...hour), "25 Oct, 02:00 GMT+2 – 02:00 GMT+1");
  });

  test("distinguishes the two occurrences of a repeated hour", () => {
    const first = timeRange("Europe/Berlin", "2026-10-25T00:15Z", "2026-10-25T00:30Z");
    const second = timeRange("Europe/Berlin", "2026-10-25T01:15Z", "2026-10-25T01:30Z");
    assert.equal(first, "25 Oct, 02:15 – 02:30 GMT+2");
    assert.equal(second, "25 Oct, 02:15 – 02:30 GMT+1");
  });
});

describe("hours that are not shown", () => {
  test("are listed in one sentence", () => {
    const hour = (/** @type {number} */ at) => new Date(at * H).toISOString();
    const gaps = [
      { from: hour(0), to: hour(2) },
      { from: hour(5), to: hour(6) },
    ];
    const [one, other] = gaps.map(({ from, to }) => format.timeRange(Date.parse(from), Date.parse(to)));
    assert.match(format.textOfGaps(gaps), /stored but not shown/);
    assert.ok(format.textOfGaps(gaps).endsWith(`: ${one}; ${other}.`));
  });
  test("are not mentioned if there are none", () => assert.equal(format.textOfGaps([]), ""));
});
