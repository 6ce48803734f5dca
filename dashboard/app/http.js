// Sends requests to the API, and describes errors for the user.

import { CONFIG } from "../config.js";
import { dayAndTime } from "./format.js";

/**
 * @import { Problem as Details } from "../types/openapi"
 * @import { Method, PathOf, RequestOptions, ResponseBody } from "../types/routes"
 */

/** Base URL of the API, without a trailing slash. */
export const apiUrl = () => CONFIG.apiUrl.replace(/\/+$/, "") || location.origin;

/** Time limit of a request. Functions respond within 15 seconds, or the gateway does. */
const LIMIT_MS = 20_000;
/** Longest `Retry-After` after which a GET is sent again automatically. */
const LONGEST_WAIT_MS = 5_000;

/** An error response of the API, or a failed request. `message` is shown to the user. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if there was no response
   * @param {Partial<Details>} [body] problem details (RFC 9457)
   * @param {string | null} [retryAfter] the header of this name
   */
  constructor(status, body = {}, retryAfter = null) {
    const fields = (body.errors ?? []).map(
      ({ pointer, reason }) => `${pointer.replace(/^\//, "")} ${reason}`,
    );
    const text = fields.length ? fields.join("; ") : (body.detail ?? body.title);
    super(body.availableAt ? usedUp(body.availableAt) : text ? sentence(text) : messageOf(status));
    this.status = status;
    this.slug = String(body.type ?? "").replace("urn:upblit:problem:", "");
    this.requestId = body.requestId ?? null;
    /** Applications of which the user is the only owner, for `sole-owner`. */
    this.applications = body.applications ?? [];
    /** How long the server asks to wait: at most a minute, or until a quota of a day is reset. 0 if it does not. */
    this.retryAfterMs = body.availableAt
      ? Math.max(Date.parse(body.availableAt) - Date.now(), 0)
      : waitMs(retryAfter);
  }
}

/** @param {string} availableAt */
const usedUp = (availableAt) =>
  `Today's quota for reading telemetry is used up; it is reset at ${dayAndTime(availableAt)}.`;

/** @param {number} status */
const messageOf = (status) =>
  status ? `The server responded with status ${status}.` : "The server did not respond.";

/** @param {string} text */
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * Returns the wait that a `Retry-After` header asks for, as seconds or a date (RFC 9110). At most a minute.
 *
 * @param {string | null} text
 */
function waitMs(text) {
  if (!text) return 0;
  const ms = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Math.min(Math.max(ms || 0, 0), 60_000);
}

/**
 * Sends a request to the API and returns the JSON of the response. A GET is sent again if the
 * server asks for a short wait. Types come from openapi.json.
 *
 * @template {Method} M
 * @template {PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {RequestOptions<M, P>} [options]
 * @returns {Promise<ResponseBody<M, P>>}
 * @throws {Problem}
 */
export async function request(method, path, options = {}) {
  try {
    return await send(method, path, options);
  } catch (error) {
    const ms = error instanceof Problem ? error.retryAfterMs : 0;
    if (method !== "get" || ms === 0 || ms > LONGEST_WAIT_MS) throw error;
    await pause(ms, options.signal);
    return send(method, path, options);
  }
}

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/**
 * @template {Method} M
 * @template {PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {RequestOptions<M, P>} options
 * @returns {Promise<ResponseBody<M, P>>}
 */
async function send(method, path, { ids, query, body, headers, signal, limitMs = LIMIT_MS }) {
  const address = apiUrl() + addressOf(path, ids, query);
  /** @type {Record<string, string>} */
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const limit = AbortSignal.timeout(limitMs);
  try {
    const response = await fetch(address, {
      method: method.toUpperCase(),
      headers: { ...json, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: "no-store",
    });
    return /** @type {ResponseBody<M, P>} */ (await content(response));
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    throw new Problem(0, limit.aborted ? { detail: "The server did not respond in time." } : {});
  }
}

/**
 * Fills in the ids of a path and appends the query.
 *
 * @param {string} path like `/sessions/{id}`
 * @param {object} [ids]
 * @param {object} [query] null, undefined and "" are left out; a list becomes several parameters
 */
export function addressOf(path, ids = {}, query = {}) {
  const filled = Object.entries(ids).reduce(
    (text, [name, id]) => text.replace(`{${name}}`, encodeURIComponent(id)),
    path,
  );
  const all = Object.entries(query).flatMap(([name, value]) => [value].flat().map((item) => [name, item]));
  const set = all.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length ? `${filled}?${new URLSearchParams(set)}` : filled;
}

/**
 * Reads the JSON body of a response; null for status 204.
 *
 * @param {Response} response
 * @returns {Promise<unknown>}
 */
async function content(response) {
  if (response.status === 204) return null;
  const body = parsed(await response.text());
  if (!response.ok) throw new Problem(response.status, body ?? {}, response.headers.get("retry-after"));
  if (body === null) throw new Problem(0);
  return body;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(withExactIntegers(text));
  } catch {
    return null;
  }
}

/** A string, or an integer with so many digits that a `number` may not represent it. */
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/**
 * Returns the JSON with integers beyond 2^53 as strings. As numbers they would be shown rounded, and a
 * filter by such a value would find nothing.
 *
 * @param {string} json
 */
const withExactIntegers = (json) =>
  /\d{16}/.test(json)
    ? json.replace(STRING_OR_LONG_INTEGER, (token) =>
        token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`,
      )
    : json;
