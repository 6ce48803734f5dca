// The sign-in flow, with an authorization code that only this tab can exchange (PKCE).

import { apiUrl, Problem, request } from "./http.js";
import { storeTokens, userOf } from "./tokens.js";

/**
 * @import { User } from "./tokens.js"
 * @typedef {{ token: string, refreshToken: string, expiresIn: number }} Tokens
 * @typedef {{ reason: string }} Failure reason for the sign-in page
 * @typedef {{ tokens: Tokens, user: User }} Offer tokens in a link that this tab did not request
 */

/** Time limit of `/oauth2/token`, so that two attempts end while the code is valid. */
const REDEEM_LIMIT_MS = 10_000;

const VERIFIER = "signInVerifier";
const CLIENT_STATE = "signInClientState";
const RETURN_TO = "signInReturnTo";

/** Stores the route to show after the sign-in. @param {string} hash a route, like `#/applications` */
export function rememberReturn(hash) {
  if (hash.startsWith("#/")) sessionStorage.setItem(RETURN_TO, hash);
}

/** Returns the stored route and removes it. */
export function takeReturn() {
  const hash = take(RETURN_TO);
  return hash?.startsWith("#/") ? hash : "#/";
}

/** @param {string} name of a value in `sessionStorage`, which only this tab can read */
function take(name) {
  const value = sessionStorage.getItem(name);
  sessionStorage.removeItem(name);
  return value;
}

/** Starts the sign-in: navigates to the API, which redirects to GitHub. */
export async function startSignIn() {
  const query = new URLSearchParams(await binding());
  location.assign(`${apiUrl()}/oauth2/authorization/github?${query}`);
}

/**
 * Returns parameters that bind the end of the sign-in to this tab.
 *
 * @returns {Promise<Record<string, string>>}
 */
async function binding() {
  const secret = base64url(crypto.getRandomValues(new Uint8Array(32)));
  if (!crypto.subtle) {
    // Without a secure context there is no Web Crypto. Tokens are then returned in the fragment.
    sessionStorage.setItem(CLIENT_STATE, secret);
    return { client_state: secret };
  }
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  sessionStorage.setItem(VERIFIER, secret);
  return { code_challenge: base64url(new Uint8Array(hash)), code_challenge_method: "S256" };
}

/**
 * Finishes a sign-in with the query and fragment of `/oauth-success`.
 *
 * @param {{ search: string, hash: string }} address
 * @returns {Promise<Offer | Failure | null>} null if this tab started the sign-in and is signed in now
 */
export async function finishSignIn({ search, hash }) {
  const codeVerifier = take(VERIFIER);
  const clientState = take(CLIENT_STATE);
  try {
    if (hash.length > 1) return await finishWithTokens(new URLSearchParams(hash.slice(1)), clientState);
    const code = new URLSearchParams(search).get("code");
    if (!code || !codeVerifier) return { reason: "invalid_state" };
    storeTokens(await redeem({ code, codeVerifier }));
    return null;
  } catch (error) {
    const isRefused = error instanceof Problem && error.status >= 400 && error.status < 500;
    if (!isRefused) return { reason: "unavailable" };
    return { reason: hash.length > 1 ? "invalid_link" : "invalid_state" };
  }
}

/**
 * Exchanges a code for tokens. Sends the request again after a lost response or a server error, because the
 * code stays valid for a minute and gets the current tokens.
 *
 * @param {{ code: string, codeVerifier: string }} body
 */
async function redeem(body) {
  const send = () => request("post", "/oauth2/token", { body, limitMs: REDEEM_LIMIT_MS });
  try {
    return await send();
  } catch (error) {
    if (error instanceof Problem && (error.status === 0 || error.status >= 500)) return send();
    throw error;
  }
}

/**
 * @param {URLSearchParams} fragment
 * @param {string | null} clientState
 * @returns {Promise<Offer | Failure | null>}
 */
async function finishWithTokens(fragment, clientState) {
  const token = fragment.get("token");
  const refreshToken = fragment.get("refreshToken");
  if (!token || !refreshToken) return { reason: "invalid_link" };
  if (clientState && fragment.get("clientState") === clientState) {
    storeTokens({ token, refreshToken, expiresIn: Number(fragment.get("expiresIn")) });
    return null;
  }
  // The user is not read from the fragment, whose access token may name anyone.
  const tokens = await request("post", "/refresh", { body: { refreshToken } });
  const user = userOf(tokens.token);
  return user ? { tokens, user } : { reason: "invalid_link" };
}

/** @param {Uint8Array} bytes */
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
