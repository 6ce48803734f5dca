import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Listing } from "../../../dashboard/app/pages/listing.js";

const LIMIT = 200;

/** Creates `count` rows, newest first. The first has the time `newest`, each further one is 1 ms older. */
const rows = (newest, count) => Array.from({ length: count }, (_, index) => ({ time: newest - index }));

/** A listing whose source returns the responses in order, and the requests it has received. */
function listingOf(...responses) {
  const requests = [];
  const listing = new Listing({
    async page(parameters) {
      requests.push(parameters);
      return responses.shift();
    },
    rowsOf: (response) => response.rows,
    keyOf: ({ time }) => String(time),
    timeOf: ({ time }) => time,
  });
  return { listing, requests };
}

const times = (listing) => listing.rows.map(({ time }) => time);

test("a listing of an empty response has no rows", async () => {
  const { listing } = listingOf({ rows: [], nextCursor: null });
  await listing.refresh(0);
  assert.deepEqual(listing.rows, []);
  assert.equal(listing.hasMore, false);
});

test("a response without a cursor is the last page", async () => {
  const { listing } = listingOf({ rows: rows(5, 2) });
  await listing.refresh(0);
  assert.equal(listing.hasMore, false);
});

test("a refresh loads up to five pages while they have few rows", async () => {
  const sparse = (index) => ({ rows: rows(100 - index, 1), nextCursor: `c${index}` });
  const { listing, requests } = listingOf(...[1, 2, 3, 4, 5, 6].map(sparse));
  await listing.refresh(0);
  assert.deepEqual(
    requests.map(({ cursor }) => cursor),
    [null, "c1", "c2", "c3", "c4"],
  );
  assert.deepEqual(times(listing), [99, 98, 97, 96, 95]);
  assert.equal(listing.hasMore, true);
});

test("a refresh adds newer rows in order, without duplicates, and removes old ones", async () => {
  const { listing } = listingOf(
    { rows: rows(12, 3), nextCursor: null },
    { rows: rows(14, 3), nextCursor: null },
  );
  await listing.refresh(0);
  await listing.refresh(11);
  assert.deepEqual(times(listing), [14, 13, 12, 11]);
});

test("older rows are appended", async () => {
  const { listing, requests } = listingOf(
    { rows: rows(1_000, LIMIT), nextCursor: "older" },
    { rows: rows(800, 2), nextCursor: null },
  );
  await listing.refresh(0);
  assert.equal(listing.hasMore, true);
  await listing.more();
  assert.equal(requests[1].cursor, "older");
  assert.equal(listing.rows.length, LIMIT + 2);
  assert.equal(listing.hasMore, false);
});

test("a gap between new and loaded rows replaces the loaded rows", async () => {
  const { listing } = listingOf(
    { rows: rows(100, 3), nextCursor: null },
    { rows: rows(900, LIMIT), nextCursor: "gap" },
  );
  await listing.refresh(0);
  await listing.refresh(0);
  assert.deepEqual([listing.rows.length, times(listing)[0], listing.hasMore], [LIMIT, 900, true]);
});

test("a response that arrives after clear is ignored", async () => {
  const { listing } = listingOf({ rows: rows(5, LIMIT), nextCursor: "c" });
  const loading = listing.refresh(0);
  listing.clear();
  await loading;
  assert.deepEqual(listing.rows, []);
  assert.equal(listing.hasMore, false);
});

test("a search that stopped without rows says how far it got, and continues", async () => {
  const stopped = (index) => ({ rows: [], nextCursor: `c${index}`, searchedTo: `t${index}` });
  const { listing } = listingOf(...[1, 2, 3, 4, 5, 6].map(stopped), { rows: rows(7, 1), nextCursor: null });
  await listing.refresh(0);
  assert.deepEqual([listing.rows, listing.hasMore, listing.searchedTo], [[], true, "t5"]);
  await listing.more();
  assert.deepEqual([times(listing), listing.hasMore, listing.searchedTo], [[7], false, null]);
});

test("after a change, a listing is loaded by a response to a later request only", async () => {
  /** @type {((response: object) => void)[]} */
  const answers = [];
  const listing = new Listing({
    page: () => new Promise((resolve) => answers.push(resolve)),
    rowsOf: (response) => response.rows,
    keyOf: ({ time }) => String(time),
    timeOf: ({ time }) => time,
  });
  assert.equal(listing.isLoaded, false);
  const before = listing.refresh(0);
  const { generation } = listing;
  listing.clear();
  assert.notEqual(listing.generation, generation);
  answers[0]({ rows: rows(5, 2), nextCursor: null });
  await before;
  assert.deepEqual([listing.isLoaded, listing.rows], [false, []]);
  const after = listing.refresh(0);
  answers[1]({ rows: [], nextCursor: null });
  await after;
  assert.deepEqual([listing.isLoaded, listing.rows], [true, []]);
});
