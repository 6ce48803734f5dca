// Minimum durations of traces, by which lists are filtered and slow traces are chosen.

import { duration } from "../format.js";

const DURATIONS_MS = [10, 100, 500, 1_000, 5_000];

/**
 * Returns the minimum duration in an address, in whole milliseconds; empty for none.
 *
 * @param {URLSearchParams} query
 */
export function minOf(query) {
  const text = query.get("min") ?? "";
  return /^[1-9]\d{0,8}$/.test(text) ? text : "";
}

/**
 * Returns values and labels of the durations to choose from, including the one in the address.
 *
 * @param {string} chosen
 * @param {(duration: string) => string} label
 * @returns {[string, string][]}
 */
export function durationOptions(chosen, label) {
  const offered = new Set([...DURATIONS_MS, Number(chosen)].filter(Boolean));
  return [...offered].sort((a, b) => a - b).map((ms) => [String(ms), label(`≥ ${duration(ms)}`)]);
}
