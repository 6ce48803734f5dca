// Rows that arrive in pages, newest first, and grow at both ends.

const LIMIT = 200;
/** A page may hold few rows, or none, and still not be the last. */
const MAX_PAGES = 5;

/** @typedef {{ limit: number, cursor: string | null }} Page what to ask for */

/**
 * @template T a row
 * @template {{ nextCursor?: string | null }} A an answer
 */
export class Listing {
  /** The newest first. @type {T[]} */
  rows = [];
  /** @type {string | null} */
  #cursor = null;
  #generation = 0;
  #isLoaded = false;

  /**
   * @param {object} source
   * @param {(page: Page) => Promise<A>} source.page
   * @param {(answer: A) => T[]} source.rowsOf
   * @param {(row: T) => string} source.keyOf
   * @param {(row: T) => number} source.timeOf
   */
  constructor(source) {
    this.source = source;
  }

  /** Whether there are older rows. */
  get hasMore() {
    return this.#cursor !== null;
  }

  /** Forgets all: the question has changed. */
  clear() {
    this.rows = [];
    this.#cursor = null;
    this.#isLoaded = false;
    this.#generation += 1;
  }

  /** Looks for newer rows, and lets go of those before `oldest`. @param {number} oldest */
  async refresh(oldest) {
    const generation = this.#generation;
    const { rows, cursor } = await this.#gather(null, this.#isLoaded ? 1 : MAX_PAGES);
    if (generation !== this.#generation) return;
    // More arrived than a page holds: what was loaded is no longer next to it.
    const isGap = this.#isLoaded && rows.length >= LIMIT && !this.#reaches(rows);
    if (!this.#isLoaded || isGap) {
      this.rows = rows;
      this.#cursor = cursor;
    } else {
      this.#merge(rows, oldest);
    }
    this.#isLoaded = true;
  }

  /** Loads older rows. */
  async more() {
    const generation = this.#generation;
    const { rows, cursor } = await this.#gather(this.#cursor, MAX_PAGES);
    if (generation !== this.#generation) return;
    this.#merge(rows, -Infinity);
    this.#cursor = cursor;
  }

  /** @param {string | null} start @param {number} maxPages */
  async #gather(start, maxPages) {
    /** @type {T[]} */
    const rows = [];
    let cursor = start;
    for (let page = 0; page < maxPages && rows.length < LIMIT; page += 1) {
      const answer = await this.source.page({ limit: LIMIT, cursor });
      rows.push(...this.source.rowsOf(answer));
      // The last answer may leave it out.
      cursor = answer.nextCursor ?? null;
      if (cursor === null) break;
    }
    return { rows, cursor };
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
