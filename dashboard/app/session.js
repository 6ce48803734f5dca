// The session of this page: it renews the tokens that all tabs share, ends them, and stops when
// they become those of another account.

import { Problem, request } from "./http.js";
import { rememberReturn } from "./sign-in.js";
import * as stored from "./tokens.js";

/** @import { User } from "./tokens.js" */

const LOCK = "upblit-session";
/** Time limit of `/refresh`, and of waiting for a tab that sends it. */
const REFRESH_LIMIT_MS = 8_000;
/** Time limit of `/logout`. The session has ended on this device by then. */
const SIGN_OUT_LIMIT_MS = 5_000;
/** Pause after a refresh that failed while the access token was still valid. */
const RETRY_MS = 10_000;

/** Thrown when this page has no session any more. Another page or a note is about to replace it. */
export class SignedOut extends Error {}

/** Id of the account whose data this page shows; null until a token names it. @type {string | null} */
let account = null;
/** Whether this page has stopped using the session. */
let isOver = false;
/** @type {(user: User) => void} */
let showChange = () => {};

/**
 * Returns the access token for a request. An expired token is renewed first; a token that expires soon is
 * renewed without delaying the request.
 */
export async function currentToken() {
  const token = stored.accessToken();
  if (!token || stored.isExpired()) return renewToken(token);
  if (stored.isDue()) renewEarly(token);
  return ofThisAccount(token);
}

let isRenewing = false;
let retryAt = 0;

/**
 * Renews a token that is still valid, unless this or another tab is already doing so.
 *
 * @param {string} token
 */
async function renewEarly(token) {
  if (isRenewing || Date.now() < retryAt) return;
  isRenewing = true;
  try {
    await unlessAnotherTab(() => renew(token));
  } catch (error) {
    // The token may still be valid. If not, the API returns 401.
    const waitMs = error instanceof Problem ? error.retryAfterMs : 0;
    retryAt = Date.now() + Math.max(RETRY_MS, waitMs);
  } finally {
    isRenewing = false;
  }
}

/**
 * Returns an access token other than `used`. Only one tab at a time sends a refresh request; the
 * next tab finds the new token in the storage.
 *
 * @param {string | null} used the token that was rejected or has expired
 * @returns {Promise<string>}
 * @throws {SignedOut} when the session has ended
 * @throws {Problem} when the server fails; the user stays signed in
 */
export const renewToken = (used) => exclusively(() => renew(used));

/** @param {string | null} used */
async function renew(used) {
  if (isOver) throw new SignedOut();
  const token = stored.accessToken();
  if (token && token !== used) return ofThisAccount(token);
  const refreshToken = stored.refreshToken();
  if (!refreshToken) return endSession("session_expired");
  const body = { refreshToken };
  const tokens = await request("post", "/refresh", { body, limitMs: REFRESH_LIMIT_MS }).catch((problem) => {
    if (problem.status === 401) return null;
    throw problem;
  });
  // If another page has signed out or in meanwhile, the response belongs to the earlier session.
  if (stored.refreshToken() !== refreshToken) return ofThisAccount(stored.accessToken() ?? endSession());
  if (!tokens) return endSession("session_expired");
  stored.storeTokens(tokens);
  return ofThisAccount(/** @type {string} */ (stored.accessToken()));
}

/** Signs out on this device at once, and on the server if it responds. */
export async function signOut() {
  const refreshToken = stored.refreshToken();
  ofThisAccount(stored.accessToken() ?? "");
  isOver = true;
  // First, so that neither the server nor a refresh of another tab can delay it.
  stored.clearTokens();
  if (refreshToken)
    await request("post", "/logout", { body: { refreshToken }, limitMs: SIGN_OUT_LIMIT_MS }).catch(
      () => null,
    );
  leave();
}

/** Forgets the session, which has ended on the server, and shows why. @param {string} reason */
export function forget(reason) {
  isOver = true;
  stored.clearTokens();
  leave(reason);
}

/**
 * Signs out this page when another tab signs out, and stops it when another tab signs in as
 * another account.
 *
 * @param {(user: User) => void} changed called once, with the user of the other account
 */
export function followOtherTabs(changed) {
  showChange = changed;
  account = stored.userOf(stored.accessToken())?.sub ?? null;
  const check = () => {
    if (isOver) return;
    if (!stored.isSignedIn()) leave();
    else isOfThisAccount(stored.accessToken());
  };
  addEventListener("storage", ({ key }) => {
    if (key === null || key === "token" || key === "refreshToken") check();
  });
  // A page that the browser restores from its cache has missed the events.
  addEventListener("pageshow", ({ persisted }) => persisted && check());
}

/**
 * Returns the token if it is of this page's account, so that data of two accounts never mix.
 *
 * @param {string} token
 */
function ofThisAccount(token) {
  if (isOver || !isOfThisAccount(token)) throw new SignedOut();
  return token;
}

/**
 * Returns whether a token belongs to the account of this page. If not, stops the page.
 *
 * @param {string | null} token
 */
function isOfThisAccount(token) {
  const user = stored.userOf(token);
  // The API refuses what is not a token.
  if (!user) return true;
  account ??= user.sub;
  if (user.sub === account) return true;
  isOver = true;
  showChange(user);
  return false;
}

/** @param {string} [reason] @returns {never} */
function endSession(reason) {
  // The next sign-in in this tab returns to the same page, with its filters and time range.
  rememberReturn(location.hash);
  isOver = true;
  stored.clearTokens();
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
 * Runs a task while no other tab runs one. Waits only a limited time for another tab, because it may hang;
 * the server returns the same refresh token to tabs that refresh at the same time. Without a secure
 * context, only the tasks of this tab wait for each other.
 *
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
async function exclusively(task) {
  if (!navigator.locks) {
    const turn = queue.then(task);
    queue = turn.catch(() => {});
    return turn;
  }
  let isRunning = false;
  const run = () => {
    isRunning = true;
    return task();
  };
  try {
    return await navigator.locks.request(LOCK, { signal: AbortSignal.timeout(REFRESH_LIMIT_MS) }, run);
  } catch (error) {
    if (isRunning) throw error;
    return task();
  }
}

/** Runs a task unless another tab runs one. @param {() => Promise<unknown>} task */
async function unlessAnotherTab(task) {
  if (!navigator.locks) return exclusively(task);
  return navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await task();
  });
}
