// Who is signed in: two tokens in localStorage, renewed by one tab at a time.

import { ask, Problem } from "./http.js";

const LOCK = "upblit-session";
/** Renew when less of a token's life is left than this share of it, at most half a minute. */
const MARGIN_SHARE = 0.25;
const MARGIN_MS = 30_000;

/** The session is over; the browser is on its way to the sign-in page. */
export class SignedOut extends Error {}

/** @param {string} name */
const stored = (name) => localStorage.getItem(name);

/** Whether there is anything to sign in with. */
export const isSignedIn = () => Boolean(stored("token") || stored("refreshToken"));

/** The access token of now. */
export const accessToken = () => stored("token");

/**
 * Keeps what `/refresh`, `/oauth2/token` or the fragment of a sign-in brought.
 *
 * @param {{ token?: string, accessToken?: string, refreshToken?: string, expiresIn?: number }} tokens
 */
export function keep(tokens) {
  const lifeMs = 1000 * Number(tokens.expiresIn ?? 0);
  localStorage.setItem("token", tokens.token ?? tokens.accessToken ?? "");
  // By this device's own clock, so that a clock that is wrong does no harm.
  localStorage.setItem(
    "tokenRenewAt",
    String(Date.now() + lifeMs - Math.min(MARGIN_MS, lifeMs * MARGIN_SHARE)),
  );
  // The last: other tabs take its change for the sign that all is there.
  if (tokens.refreshToken) localStorage.setItem("refreshToken", tokens.refreshToken);
}

function forget() {
  for (const name of ["token", "tokenRenewAt", "refreshToken"]) localStorage.removeItem(name);
}

/** A token to call with: a fresh one if this one is about to end and a fresh one is to be had. */
export async function currentToken() {
  const token = accessToken();
  if (token && Date.now() < Number(stored("tokenRenewAt") ?? Infinity)) return token;
  try {
    return await renewed(token);
  } catch (error) {
    // It may still be good for a moment; if it is not, the API will say so.
    if (token && error instanceof Problem) return token;
    throw error;
  }
}

/**
 * Another token than `used`. Tabs take turns; whoever comes second finds the new
 * token already there.
 *
 * @param {string | null} used the token that was refused, or is about to end
 * @returns {Promise<string>}
 * @throws {SignedOut} when the session is over
 * @throws {Problem} when the server is in trouble: nobody is signed out for that
 */
export function renewed(used) {
  return alone(async () => {
    const token = accessToken();
    if (token && token !== used) return token;
    const refreshToken = stored("refreshToken");
    if (!refreshToken) return end("session_expired");
    const tokens = await ask("post", "/refresh", { body: { refreshToken } }).catch((problem) => {
      if (problem.status === 401) return end("session_expired");
      throw problem;
    });
    keep(tokens);
    return /** @type {string} */ (accessToken());
  });
}

/** Signs out here, also when the server does not answer. */
export async function signOut() {
  await alone(async () => {
    const refreshToken = stored("refreshToken");
    if (refreshToken) await ask("post", "/logout", { body: { refreshToken } }).catch(() => null);
    forget();
  });
  leave();
}

/** Follows when another tab signs out. */
export function followOtherTabs() {
  addEventListener("storage", ({ key, newValue }) => {
    const cleared = key === null || (key === "refreshToken" && newValue === null);
    if (cleared && !isSignedIn()) leave();
  });
}

/** @param {string} reason @returns {never} */
function end(reason) {
  forget();
  leave(reason);
  throw new SignedOut();
}

/** To the sign-in page, without a way back to this one. @param {string} [reason] */
export function leave(reason) {
  location.replace(reason ? `login?reason=${reason}` : "login");
}

/** @type {Promise<unknown>} */
let queue = Promise.resolve();

/**
 * One at a time in this browser; where pages are not served securely, in this tab.
 *
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
async function alone(task) {
  if (navigator.locks) return await navigator.locks.request(LOCK, task);
  const turn = queue.then(task);
  queue = turn.catch(() => {});
  return turn;
}
