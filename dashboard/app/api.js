// The operations of the API that the dashboard uses, one function each.

import { Problem, request } from "./http.js";
import { currentToken, renewToken } from "./session.js";

/**
 * @import { Body, Method, PathOf, Query, RequestOptions, ResponseBody } from "../types/routes"
 * @import { Role } from "../types/openapi"
 * @import { Repeatable } from "./repeatable.js"
 * @typedef {{ cursor?: string | null }} Page parameters of a list page
 */

/**
 * Sends a request as the signed-in user. Renews the access token and retries once after a 401.
 *
 * @template {Method} M
 * @template {PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {RequestOptions<M, P>} [options]
 * @returns {Promise<ResponseBody<M, P>>}
 */
async function authorized(method, path, options = {}) {
  const send = (/** @type {string} */ token) =>
    request(method, path, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });
  const token = await currentToken();
  try {
    return await send(token);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 401) throw problem;
    return send(await renewToken(token));
  }
}

/**
 * Reads all pages of a list.
 *
 * @template {string} N
 * @template R
 * @param {N} name field of a page that contains the rows
 * @param {(page: Page) => Promise<Record<N, R[]> & { nextCursor?: string | null }>} read
 * @returns {Promise<Record<N, R[]>>}
 */
async function whole(name, read) {
  /** @type {R[]} */
  const rows = [];
  /** @type {string | null | undefined} */
  let cursor;
  do {
    const page = await read({ cursor });
    rows.push(...page[name]);
    cursor = page.nextCursor;
  } while (cursor);
  return /** @type {Record<N, R[]>} */ ({ [name]: rows });
}

/** @param {AbortSignal} [signal] */
export const me = (signal) => authorized("get", "/me", { signal });
/** @param {string} id @param {AbortSignal} signal */
export const usage = (id, signal) => authorized("get", "/applications/{id}/usage", { ids: { id }, signal });
/** @param {Page} query @param {AbortSignal} signal */
export const accountAudit = (query, signal) => authorized("get", "/me/audit", { query, signal });

/**
 * Returns everything stored about the user: all pages, with their lists joined.
 *
 * @param {AbortSignal} signal
 */
export async function exportAccount(signal) {
  const { nextCursor, ...whole } = await authorized("get", "/me/export", { signal });
  let cursor = nextCursor;
  while (cursor) {
    const page = await authorized("get", "/me/export", { query: { cursor }, signal });
    whole.sessions.push(...page.sessions);
    whole.memberships.push(...page.memberships);
    whole.accountLog.push(...page.accountLog);
    whole.applicationLog.push(...page.applicationLog);
    whole.invites.push(...page.invites);
    cursor = page.nextCursor;
  }
  return whole;
}

/** Largest number of requests that delete one account. */
const MAX_DELETIONS = 20;

/** Shortest wait between two of these requests, even if the server asks for none or cannot be reached. */
const SHORTEST_WAIT_MS = 500;

/**
 * Deletes the account. Repeats the request until the deletion is complete. The session ends at the beginning,
 * but the access token stays valid for the deletion, so it is not renewed.
 *
 * @param {"delete"} [applications] also deletes applications that nobody else owns
 */
export async function deleteAccount(applications) {
  const headers = { authorization: `Bearer ${await currentToken()}` };
  for (let left = MAX_DELETIONS; ; left--) {
    try {
      return await request("delete", "/me", { query: { applications }, headers });
    } catch (problem) {
      const isUnfinished = problem instanceof Problem && (problem.status === 0 || problem.status === 503);
      if (!isUnfinished || left === 1) throw problem;
      const ms = Math.max(problem.retryAfterMs, SHORTEST_WAIT_MS);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }
}

/** @param {AbortSignal} signal */
export const sessions = (signal) =>
  whole("sessions", (query) => authorized("get", "/sessions", { query, signal }));
/** @param {string} id */
export const endSession = (id) => authorized("delete", "/sessions/{id}", { ids: { id } });
export const endOtherSessions = () => authorized("delete", "/sessions", { query: { except: "current" } });

/** @param {AbortSignal} [signal] */
export const applications = (signal) =>
  whole("applications", (query) => authorized("get", "/applications", { query, signal }));
/** @param {string} id @param {AbortSignal} signal */
export const application = (id, signal) => authorized("get", "/applications/{id}", { ids: { id }, signal });
/** @param {Repeatable<Body<"post", "/applications">>} creation */
export const createApplication = ({ body, key }) =>
  authorized("post", "/applications", { body, headers: { "idempotency-key": key } });
/** @param {string} id @param {Body<"patch", "/applications/{id}">} body */
export const changeApplication = (id, body) =>
  authorized("patch", "/applications/{id}", { ids: { id }, body });
/** @param {string} id */
export const deleteApplication = (id) => authorized("delete", "/applications/{id}", { ids: { id } });
/** @param {string} id @param {Page} query @param {AbortSignal} signal */
export const audit = (id, query, signal) =>
  authorized("get", "/applications/{id}/audit", { ids: { id }, query, signal });

/** @param {string} id @param {AbortSignal} signal */
export const members = (id, signal) =>
  authorized("get", "/applications/{id}/members", { ids: { id }, signal });
/** @param {string} id @param {string} userId @param {Role} role */
export const changeMember = (id, userId, role) =>
  authorized("patch", "/applications/{id}/members/{userId}", { ids: { id, userId }, body: { role } });
/** @param {string} id @param {string} userId */
export const removeMember = (id, userId) =>
  authorized("delete", "/applications/{id}/members/{userId}", { ids: { id, userId } });
/** @param {string} id @param {AbortSignal} signal */
export const invites = (id, signal) =>
  authorized("get", "/applications/{id}/invites", { ids: { id }, signal });
/** @param {string} id @param {Body<"post", "/applications/{id}/invites">} body */
export const createInvite = (id, body) =>
  authorized("post", "/applications/{id}/invites", { ids: { id }, body });
/** @param {string} id @param {string} inviteId */
export const withdrawInvite = (id, inviteId) =>
  authorized("delete", "/applications/{id}/invites/{inviteId}", { ids: { id, inviteId } });
/** @param {string} token @param {AbortSignal} signal */
export const previewInvite = (token, signal) =>
  authorized("post", "/invites/preview", { body: { token }, signal });
/** @param {string} token */
export const acceptInvite = (token) => authorized("post", "/invites/accept", { body: { token } });

/** @param {string} id @param {AbortSignal} signal */
export const keys = (id, signal) =>
  whole("keys", (page) => authorized("get", "/apikey", { query: { ApplicationId: id, ...page }, signal }));
/** @param {string} id of the application @param {Repeatable<Body<"post", "/apikey">>} creation */
export const mintKey = (id, { body, key }) =>
  authorized("post", "/apikey", {
    query: { ApplicationId: id },
    body,
    headers: { "idempotency-key": key },
  });
/** @param {string} id @param {Body<"patch", "/apikey/{id}">} body */
export const changeKey = (id, body) => authorized("patch", "/apikey/{id}", { ids: { id }, body });
/** @param {string} id @param {Body<"post", "/apikey/{id}/rotate">} body */
export const rotateKey = (id, body) => authorized("post", "/apikey/{id}/rotate", { ids: { id }, body });
/** @param {string} id */
export const revokeKey = (id) => authorized("delete", "/apikey/{id}", { ids: { id } });

/** @param {Query<"get", "/telemetry/traces">} query @param {AbortSignal} signal */
export const traces = (query, signal) => authorized("get", "/telemetry/traces", { query, signal });
/** @param {string} id @param {Query<"get", "/telemetry/traces/{id}">} query @param {AbortSignal} signal */
export const trace = (id, query, signal) =>
  authorized("get", "/telemetry/traces/{id}", { ...traceAddress(id, query), signal });

/**
 * Deletes a part of a trace.
 *
 * @param {string} id @param {string} applicationId @param {string | null} cursor
 */
export const deleteTrace = (id, applicationId, cursor) =>
  authorized("delete", "/telemetry/traces/{id}", traceAddress(id, { applicationId, cursor }));
/** Deletes a part of a time range. @param {Query<"delete", "/telemetry">} query */
export const deleteTelemetry = (query) => authorized("delete", "/telemetry", { query });

/**
 * Puts a trace id into the path, or into the query if API Gateway or the browser would change it.
 *
 * @template {{ applicationId: string | null }} Q
 * @param {string} id
 * @param {Q} query
 */
export const traceAddress = (id, query) =>
  /^[\w.~-]+$/.test(id) && !/^\.+$/.test(id)
    ? { ids: { id }, query }
    : { ids: { id: "-" }, query: { ...query, traceId: id } };

/** @param {Query<"get", "/telemetry/logs">} query @param {AbortSignal} signal */
export const logs = (query, signal) => authorized("get", "/telemetry/logs", { query, signal });
/** @param {Query<"get", "/telemetry/fields">} query @param {AbortSignal} signal */
export const fields = (query, signal) => authorized("get", "/telemetry/fields", { query, signal });
/** @param {Query<"get", "/telemetry/differences">} query @param {AbortSignal} signal */
export const differences = (query, signal) => authorized("get", "/telemetry/differences", { query, signal });
/** @param {Query<"get", "/telemetry/metrics">} query @param {AbortSignal} signal */
export const metrics = (query, signal) => authorized("get", "/telemetry/metrics", { query, signal });

/**
 * Sends traces with an API key, as an SDK does.
 *
 * @param {string} key
 * @param {Body<"post", "/ingest/traces">} body
 */
export const sendTraces = (key, body) =>
  request("post", "/ingest/traces", { body, headers: { "x-api-key": key } });
