// The stretches of time a reader can choose from.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** By the name in the address; `stepSeconds` is the width of a metric's bucket. */
export const SPANS = {
  "15m": { label: "15 min", ms: 15 * MINUTE, stepSeconds: 300 },
  "1h": { label: "1 h", ms: HOUR, stepSeconds: 300 },
  "6h": { label: "6 h", ms: 6 * HOUR, stepSeconds: 300 },
  "24h": { label: "24 h", ms: 24 * HOUR, stepSeconds: 900 },
  "7d": { label: "7 days", ms: 168 * HOUR, stepSeconds: 3600 },
};

const DEFAULT = "1h";
const STORED = "window";

/** The one in the address, or the last one chosen. @param {URLSearchParams} query */
export function chosenSpan(query) {
  const name = query.get("window") ?? localStorage.getItem(STORED) ?? DEFAULT;
  return Object.hasOwn(SPANS, name) ? name : DEFAULT;
}

/** Keeps a choice for the next page. @param {string} name */
export const keepSpan = (name) => localStorage.setItem(STORED, name);

/** From when on. @param {string} name @param {number} [now] */
export const beginOf = (name, now = Date.now()) => new Date(now - SPANS[name].ms).toISOString();

/** How long to wait before looking again: a long stretch costs the server more to read. */
export const pauseOf = (name) => (SPANS[name].ms <= HOUR ? 4_000 : 20_000);
