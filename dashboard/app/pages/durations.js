// The shortest durations of traces, to which lists are limited and with which slow traces begin.

import { duration } from "../format.js";

const DURATIONS_MS = [10, 100, 500, 1_000, 5_000];

/** The shortest duration in an address, in whole milliseconds; empty for none. @param {URLSearchParams} query */
export function minOf(query) {
  const text = query.get("min") ?? "";
  return /^[1-9]\d{0,8}$/.test(text) ? text : "";
}

/**
 * Values and labels of the durations to choose from, and of the one in the address if it is another.
 *
 * @param {string} chosen
 * @param {(duration: string) => string} label
 * @returns {[string, string][]}
 */
export function durationOptions(chosen, label) {
  const offered = new Set([...DURATIONS_MS, Number(chosen)].filter(Boolean));
  return [...offered].sort((a, b) => a - b).map((ms) => [String(ms), label(`≥ ${duration(ms)}`)]);
}
