// The session: two tokens in localStorage, renewed by one tab at a time.

import { Problem, request } from "./http.js";

const LOCK = "upblit-session";
/**
 * An access token is renewed at a random moment between these margins before it expires, so that
 * nobody who knows when it was issued knows when that is. Each is also limited to a share of the
 * token's lifetime.
 */
const LARGEST_MARGIN = { ms: 300_000, share: 1 / 3 };
const SMALLEST_MARGIN = { ms: 30_000, share: 1 / 4 };

/** Thrown when the session has ended and the browser is navigating to the sign-in page. */
export class SignedOut extends Error {}

/** @param {string} name */
const stored = (name) => localStorage.getItem(name);

/** Whether a token is stored. It may have expired. */
export const isSignedIn = () => Boolean(stored("token") || stored("refreshToken"));

/** The stored access token, or null. */
export const accessToken = () => stored("token");

/**
 * Stores the tokens from `/refresh`, `/oauth2/token` or the fragment of a sign-in.
 *
 * @param {{ token?: string, accessToken?: string, refreshToken?: string, expiresIn?: number }} tokens
 */
export function storeTokens(tokens) {
  const lifeMs = 1000 * Number(tokens.expiresIn ?? 0);
  localStorage.setItem("token", tokens.token ?? tokens.accessToken ?? "");
  // Relative to the clock of this device, so that a wrong clock does no harm.
  localStorage.setItem("tokenRenewAt", String(Date.now() + lifeMs - marginMs(lifeMs)));
  // Last, because other tabs treat its change as the sign that all values are stored.
  if (tokens.refreshToken) localStorage.setItem("refreshToken", tokens.refreshToken);
}

/** @param {number} lifeMs */
function marginMs(lifeMs) {
  const [largest, smallest] = [LARGEST_MARGIN, SMALLEST_MARGIN].map(({ ms, share }) =>
    Math.min(ms, lifeMs * share),
  );
  return smallest + Math.random() * (largest - smallest);
}

function clearTokens() {
  for (const name of ["token", "tokenRenewAt", "refreshToken"]) localStorage.removeItem(name);
}

/** The access token for a request. Renewed first if it is about to expire and the server responds. */
export async function currentToken() {
  const token = accessToken();
  if (token && Date.now() < Number(stored("tokenRenewAt") ?? Infinity)) return token;
  try {
    return await renewToken(token);
  } catch (error) {
    // The old token may still be valid. If not, the API returns 401.
    if (token && error instanceof Problem) return token;
    throw error;
  }
}

/**
 * Returns an access token other than `used`. Only one tab at a time sends a refresh request; the
 * next tab finds the new token in the storage.
 *
 * @param {string | null} used the token that was rejected or is about to expire
 * @returns {Promise<string>}
 * @throws {SignedOut} when the session has ended
 * @throws {Problem} when the server fails; the user stays signed in
 */
export function renewToken(used) {
  return exclusively(async () => {
    const token = accessToken();
    if (token && token !== used) return token;
    const refreshToken = stored("refreshToken");
    if (!refreshToken) return endSession("session_expired");
    const tokens = await request("post", "/refresh", { body: { refreshToken } }).catch((problem) => {
      if (problem.status === 401) return null;
      throw problem;
    });
    // If another page has signed out or in meanwhile, the response belongs to the session before.
    if (stored("refreshToken") !== refreshToken) return accessToken() ?? endSession();
    if (!tokens) return endSession("session_expired");
    storeTokens(tokens);
    return /** @type {string} */ (accessToken());
  });
}

/** Signs out on this device, even if the server does not respond. */
export async function signOut() {
  await exclusively(async () => {
    const refreshToken = stored("refreshToken");
    if (refreshToken) await request("post", "/logout", { body: { refreshToken } }).catch(() => null);
    clearTokens();
  });
  leave();
}

/** Signs out this tab when another tab signs out. */
export function followOtherTabs() {
  addEventListener("storage", ({ key, newValue }) => {
    const cleared = key === null || (key === "refreshToken" && newValue === null);
    if (cleared && !isSignedIn()) leave();
  });
}

/** @param {string} [reason] @returns {never} */
function endSession(reason) {
  clearTokens();
  leave(reason);
  throw new SignedOut();
}

/** Replaces this page in the history with the sign-in page. @param {string} [reason] */
export function leave(reason) {
  location.replace(reason ? `login?reason=${reason}` : "login");
}

/** @type {Promise<unknown>} */
let queue = Promise.resolve();

/**
 * Runs a task while no other tab runs one. Without a secure context, this is limited to one tab.
 *
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
async function exclusively(task) {
  if (navigator.locks) return await navigator.locks.request(LOCK, task);
  const turn = queue.then(task);
  queue = turn.catch(() => {});
  return turn;
}
