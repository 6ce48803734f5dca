// The API, a function for each thing that the dashboard asks of it.

import { call, post, Problem } from "./http.js";
import { currentToken, renewed } from "./session.js";

/** Calls as the signed-in user; a token that is refused is renewed once. */
async function authorized(path, options = {}) {
  const token = await currentToken();
  try {
    return await call(path, withToken(options, token));
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 401) throw problem;
    return call(path, withToken(options, await renewed(token)));
  }
}

const withToken = (options, token) => ({
  ...options,
  headers: { ...options.headers, authorization: `Bearer ${token}` },
});

const at = (path, ...ids) => ids.reduce((text, id) => text.replace("{}", encodeURIComponent(id)), path);

/** A query string of what is set. @param {Record<string, any>} parameters */
function query(parameters) {
  const set = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length ? `?${new URLSearchParams(set)}` : "";
}

const get = (path, signal) => authorized(path, { signal });
const remove = (path) => authorized(path, { method: "DELETE" });

export const me = (signal) => get("/me", signal);
export const accountAudit = (page, signal) => get(`/me/audit${query(page)}`, signal);

export const sessions = (signal) => get("/sessions", signal);
export const endSession = (id) => remove(at("/sessions/{}", id));
export const endOtherSessions = () => remove("/sessions?except=current");

export const applications = (signal) => get("/applications", signal);
export const application = (id, signal) => get(at("/applications/{}", id), signal);
export const createApplication = (body) => authorized("/applications", post(body));
export const changeApplication = (id, body) => authorized(at("/applications/{}", id), post(body, "PATCH"));
export const deleteApplication = (id) => remove(at("/applications/{}", id));
export const audit = (id, page, signal) => get(at("/applications/{}/audit", id) + query(page), signal);

export const keys = (id, signal) => get(`/apikey${query({ ApplicationId: id })}`, signal);
export const mintKey = (id, body) => authorized(`/apikey${query({ ApplicationId: id })}`, post(body));
export const changeKey = (id, body) => authorized(at("/apikey/{}", id), post(body, "PATCH"));
export const rotateKey = (id, body) => authorized(at("/apikey/{}/rotate", id), post(body));
export const revokeKey = (id) => remove(at("/apikey/{}", id));

export const traces = (question, signal) => get(`/telemetry/traces${query(question)}`, signal);
export const trace = (id, question, signal) => get(at("/telemetry/traces/{}", id) + query(question), signal);
export const logs = (question, signal) => get(`/telemetry/logs${query(question)}`, signal);
export const metrics = (question, signal) => get(`/telemetry/metrics${query(question)}`, signal);

/** Sends one trace with a key, as an SDK would. @param {string} key @param {any} batch */
export function sendTraces(key, batch) {
  const request = post(batch);
  return call("/ingest/traces", { ...request, headers: { ...request.headers, "x-api-key": key } });
}
