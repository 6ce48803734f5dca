// Sends requests to the API, and describes errors for the user.

import { CONFIG } from "../config.js";

/**
 * @import { Problem as Details } from "../types/openapi"
 * @import { Method, PathOf, RequestOptions, ResponseBody } from "../types/routes"
 */

/** Base URL of the API, without a trailing slash. */
export const apiUrl = () => CONFIG.apiUrl.replace(/\/+$/, "") || location.origin;

/** An error response of the API, or a failed request. `message` is shown to the user. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if there was no response
   * @param {Partial<Details>} [body] problem details (RFC 9457)
   */
  constructor(status, body = {}) {
    const fields = (body.errors ?? []).map(
      ({ pointer, reason }) => `${pointer.replace(/^\//, "")} ${reason}`,
    );
    const text = fields.length ? fields.join("; ") : (body.detail ?? body.title);
    super(text ? sentence(text) : messageOf(status));
    this.status = status;
    this.slug = String(body.type ?? "").replace("urn:upblit:problem:", "");
    this.requestId = body.requestId ?? null;
  }
}

/** @param {number} status */
const messageOf = (status) =>
  status ? `The server responded with status ${status}.` : "The server did not respond.";

/** @param {string} text */
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * Sends a request to the API and returns the JSON of the response. Types come from openapi.json.
 *
 * @template {Method} M
 * @template {PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {RequestOptions<M, P>} [options]
 * @returns {Promise<ResponseBody<M, P>>}
 * @throws {Problem}
 */
export async function request(method, path, { ids, query, body, headers, signal } = {}) {
  const address = apiUrl() + addressOf(path, ids, query);
  /** @type {Record<string, string>} */
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(address, {
    method: method.toUpperCase(),
    headers: { ...json, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: "no-store",
  }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  });
  return /** @type {ResponseBody<M, P>} */ (await content(response));
}

/**
 * Fills in the ids of a path and appends the query.
 *
 * @param {string} path like `/sessions/{id}`
 * @param {object} [ids]
 * @param {object} [query] null, undefined and "" are left out
 */
export function addressOf(path, ids = {}, query = {}) {
  const filled = Object.entries(ids).reduce(
    (text, [name, id]) => text.replace(`{${name}}`, encodeURIComponent(id)),
    path,
  );
  const set = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  return set.length ? `${filled}?${new URLSearchParams(set)}` : filled;
}

/** The JSON body of a response; null for status 204. @param {Response} response @returns {Promise<unknown>} */
async function content(response) {
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, body ?? {});
  if (body === null) throw new Problem(0);
  return body;
}
