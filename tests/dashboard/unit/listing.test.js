import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Listing } from "../../../dashboard/app/pages/listing.js";

const LIMIT = 200;

/** Rows like the API's: `count` of them, the newest at `newest`, each a moment before the last. */
const rows = (newest, count) => Array.from({ length: count }, (_, index) => ({ time: newest - index }));

/** A listing over answers given one after the other, and what it asked. */
function listingOf(...answers) {
  const asked = [];
  const listing = new Listing({
    async page(parameters) {
      asked.push(parameters);
      return answers.shift();
    },
    rowsOf: (answer) => answer.rows,
    keyOf: ({ time }) => String(time),
    timeOf: ({ time }) => time,
  });
  return { listing, asked };
}

const times = (listing) => listing.rows.map(({ time }) => time);

test("an empty listing has no rows and no more", async () => {
  const { listing } = listingOf({ rows: [], nextCursor: null });
  await listing.refresh(0);
  assert.deepEqual(listing.rows, []);
  assert.equal(listing.hasMore, false);
});

test("an answer without a cursor is the last", async () => {
  const { listing } = listingOf({ rows: rows(5, 2) });
  await listing.refresh(0);
  assert.equal(listing.hasMore, false);
});

test("pages with few rows are followed, though not for ever", async () => {
  const sparse = (index) => ({ rows: rows(100 - index, 1), nextCursor: `c${index}` });
  const { listing, asked } = listingOf(...[1, 2, 3, 4, 5, 6].map(sparse));
  await listing.refresh(0);
  assert.deepEqual(
    asked.map(({ cursor }) => cursor),
    [null, "c1", "c2", "c3", "c4"],
  );
  assert.deepEqual(times(listing), [99, 98, 97, 96, 95]);
  assert.equal(listing.hasMore, true);
});

test("newer rows join in order, without doubles, and old ones leave", async () => {
  const { listing } = listingOf(
    { rows: rows(12, 3), nextCursor: null },
    { rows: rows(14, 3), nextCursor: null },
  );
  await listing.refresh(0);
  await listing.refresh(11);
  assert.deepEqual(times(listing), [14, 13, 12, 11]);
});

test("older rows join at the end", async () => {
  const { listing, asked } = listingOf(
    { rows: rows(1_000, LIMIT), nextCursor: "older" },
    { rows: rows(800, 2), nextCursor: null },
  );
  await listing.refresh(0);
  assert.equal(listing.hasMore, true);
  await listing.more();
  assert.equal(asked[1].cursor, "older");
  assert.equal(listing.rows.length, LIMIT + 2);
  assert.equal(listing.hasMore, false);
});

test("after a gap the rows begin anew, so that none is missing in between", async () => {
  const { listing } = listingOf(
    { rows: rows(100, 3), nextCursor: null },
    { rows: rows(900, LIMIT), nextCursor: "gap" },
  );
  await listing.refresh(0);
  await listing.refresh(0);
  assert.deepEqual([listing.rows.length, times(listing)[0], listing.hasMore], [LIMIT, 900, true]);
});

test("the answer to a question that has changed is dropped", async () => {
  const { listing } = listingOf({ rows: rows(5, LIMIT), nextCursor: "c" });
  const loading = listing.refresh(0);
  listing.clear();
  await loading;
  assert.deepEqual(listing.rows, []);
  assert.equal(listing.hasMore, false);
});
