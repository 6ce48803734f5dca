// One request to the API, with its troubles in words.

import { CONFIG } from "../config.js";

/** The API's address, as a person would write it into a snippet. */
export const apiUrl = () => CONFIG.apiUrl.replace(/\/+$/, "") || location.origin;

/** What the API, or the way to it, could not do; `message` is for the reader. */
export class Problem extends Error {
  /** @param {number} status 0 when there was no answer @param {any} [body] problem details (RFC 9457) */
  constructor(status, body = {}) {
    const fields = (body.errors ?? []).map((error) => `${error.pointer.replace(/^\//, "")} ${error.reason}`);
    const words = fields.length ? fields.join("; ") : (body.detail ?? body.title);
    super(words ? sentence(words) : unexplained(status));
    this.status = status;
    this.slug = String(body.type ?? "").replace("urn:upblit:problem:", "");
    this.requestId = body.requestId ?? null;
  }
}

const unexplained = (status) => (status ? `The server answered ${status}.` : "The server did not answer.");

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>} the body; null for none
 * @throws {Problem}
 */
export async function call(path, options = {}) {
  const response = await fetch(apiUrl() + path, { cache: "no-store", ...options }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  });
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, body ?? {});
  if (body === null) throw new Problem(0);
  return body;
}

/** A request that sends JSON. @param {any} body @param {string} [method] */
export const post = (body, method = "POST") => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
