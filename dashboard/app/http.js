// One request to the API, with its troubles in words.

import { CONFIG } from "../config.js";

/**
 * @import { Problem as Details } from "../types/openapi"
 * @import { Answer, Method, PathOf, Question } from "../types/routes"
 */

/** The API's address, as a person would write it into a snippet. */
export const apiUrl = () => CONFIG.apiUrl.replace(/\/+$/, "") || location.origin;

/** What the API, or the way to it, could not do; `message` is for the reader. */
export class Problem extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {Partial<Details>} [body] problem details (RFC 9457)
   */
  constructor(status, body = {}) {
    const fields = (body.errors ?? []).map(
      ({ pointer, reason }) => `${pointer.replace(/^\//, "")} ${reason}`,
    );
    const words = fields.length ? fields.join("; ") : (body.detail ?? body.title);
    super(words ? sentence(words) : unexplained(status));
    this.status = status;
    this.slug = String(body.type ?? "").replace("urn:upblit:problem:", "");
    this.requestId = body.requestId ?? null;
  }
}

/** @param {number} status */
const unexplained = (status) => (status ? `The server answered ${status}.` : "The server did not answer.");

/** @param {string} text */
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * Calls a route of the API. What it takes and answers is in openapi.json.
 *
 * @template {Method} M
 * @template {PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {Question<M, P>} [question]
 * @returns {Promise<Answer<M, P>>}
 * @throws {Problem}
 */
export async function ask(method, path, { ids, query, body, headers, signal } = {}) {
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
  return /** @type {Answer<M, P>} */ (await content(response));
}

/**
 * A path with its ids, and a query of what is set.
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

/** The JSON of an answer; null for none. @param {Response} response @returns {Promise<unknown>} */
async function content(response) {
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, body ?? {});
  if (body === null) throw new Problem(0);
  return body;
}
