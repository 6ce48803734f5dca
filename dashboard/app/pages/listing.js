// A list of rows, newest first, that loads pages and grows at both ends.

/** Number of rows to request per page. */
const LIMIT = 200;
/** Largest number of pages per load. A page may have few rows or none, and not be the last. */
const MAX_PAGES = 5;

/** @typedef {{ limit: number, cursor: string | null }} Page parameters of a page request */

/**
 * @template T a row
 * @template {{ nextCursor?: string | null, searchedTo?: string | null }} A a response
 */
export class Listing {
  /** Loaded rows, newest first. @type {T[]} */
  rows = [];
  /** @type {string | null} */
  #cursor = null;
  /** Time back to which the range has been searched; null if all of it has. @type {string | null} */
  searchedTo = null;
  #generation = 0;
  #isLoaded = false;

  /**
   * @param {object} source
   * @param {(page: Page) => Promise<A>} source.page
   * @param {(response: A) => T[]} source.rowsOf
   * @param {(row: T) => string} source.keyOf
   * @param {(row: T) => number} source.timeOf
   */
  constructor(source) {
    this.source = source;
  }

  /** Whether rows have been loaded since the last change of filters or time range. */
  get isLoaded() {
    return this.#isLoaded;
  }

  /** Number of changes of filters or time range. */
  get generation() {
    return this.#generation;
  }

  /** Whether there are older rows. */
  get hasMore() {
    return this.#cursor !== null;
  }

  /** Removes all rows, because filters or time range have changed. */
  clear() {
    this.rows = [];
    this.#cursor = null;
    this.searchedTo = null;
    this.#isLoaded = false;
    this.#generation += 1;
  }

  /** Loads newer rows, and removes rows that are older than `oldest`. @param {number} oldest */
  async refresh(oldest) {
    const generation = this.#generation;
    const { rows, cursor, searchedTo } = await this.#gather(null, this.#isLoaded ? 1 : MAX_PAGES);
    if (generation !== this.#generation) return;
    // More than a page of rows is new, so there is a gap between them and the loaded rows.
    const isGap = this.#isLoaded && rows.length >= LIMIT && !this.#reaches(rows);
    if (!this.#isLoaded || isGap) {
      this.rows = rows;
      this.#cursor = cursor;
      this.searchedTo = searchedTo;
    } else {
      this.#merge(rows, oldest);
    }
    this.#isLoaded = true;
  }

  /** Loads older rows and appends them. */
  async more() {
    const generation = this.#generation;
    const { rows, cursor, searchedTo } = await this.#gather(this.#cursor, MAX_PAGES);
    if (generation !== this.#generation) return;
    this.#merge(rows, -Infinity);
    this.#cursor = cursor;
    this.searchedTo = searchedTo;
  }

  /** @param {string | null} start @param {number} maxPages */
  async #gather(start, maxPages) {
    /** @type {T[]} */
    const rows = [];
    let cursor = start;
    let searchedTo = null;
    for (let page = 0; page < maxPages && rows.length < LIMIT; page += 1) {
      const response = await this.source.page({ limit: LIMIT, cursor });
      rows.push(...this.source.rowsOf(response));
      // The last response may omit the cursor.
      cursor = response.nextCursor ?? null;
      searchedTo = response.searchedTo ?? null;
      if (cursor === null) break;
    }
    return { rows, cursor, searchedTo };
  }

  /** @param {T[]} rows */
  #reaches(rows) {
    const known = new Set(this.rows.map(this.source.keyOf));
    return known.size === 0 || rows.some((row) => known.has(this.source.keyOf(row)));
  }

  /** @param {T[]} rows @param {number} oldest */
  #merge(rows, oldest) {
    const { keyOf, timeOf } = this.source;
    const merged = new Map(this.rows.map((row) => [keyOf(row), row]));
    for (const row of rows) merged.set(keyOf(row), row);
    this.rows = [...merged.values()]
      .filter((row) => timeOf(row) >= oldest)
      .sort((a, b) => timeOf(b) - timeOf(a));
  }
}
