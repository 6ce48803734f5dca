// The sign-in flow, with an authorization code that only this tab can exchange (PKCE).

import { apiUrl, request } from "./http.js";
import { storeTokens } from "./session.js";

const VERIFIER = "signInVerifier";
const RETURN_TO = "signInReturnTo";

/** Stores the route to show after the sign-in. @param {string} hash a route, like `#/applications` */
export function rememberReturn(hash) {
  if (hash.startsWith("#/")) sessionStorage.setItem(RETURN_TO, hash);
}

/** Returns the stored route and removes it. */
export function takeReturn() {
  const hash = sessionStorage.getItem(RETURN_TO);
  sessionStorage.removeItem(RETURN_TO);
  return hash?.startsWith("#/") ? hash : "#/";
}

/** Starts the sign-in: navigates to GitHub by way of the API. */
export async function startSignIn() {
  location.assign(`${apiUrl()}/oauth2/authorization/github${await challenge()}`);
}

async function challenge() {
  // Without a secure context there is no Web Crypto. Tokens are then returned in the fragment.
  if (!crypto.subtle) return "";
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(VERIFIER, verifier);
  return `?code_challenge=${base64url(new Uint8Array(hash))}&code_challenge_method=S256`;
}

/**
 * Finishes a sign-in with the query and fragment of `/oauth-success`.
 *
 * @param {{ search: string, hash: string }} address
 * @returns {Promise<boolean>} false if the address has no tokens and no code of this tab
 * @throws {import("./http.js").Problem} when the API rejects the code
 */
export async function finishSignIn({ search, hash }) {
  const fragment = new URLSearchParams(hash.slice(1));
  const token = fragment.get("token");
  const refreshToken = fragment.get("refreshToken");
  if (token && refreshToken) {
    storeTokens({ token, refreshToken, expiresIn: Number(fragment.get("expiresIn")) });
    return true;
  }
  const code = new URLSearchParams(search).get("code");
  const codeVerifier = sessionStorage.getItem(VERIFIER);
  sessionStorage.removeItem(VERIFIER);
  if (!code || !codeVerifier) return false;
  storeTokens(await request("post", "/oauth2/token", { body: { code, codeVerifier } }));
  return true;
}

/** @param {Uint8Array} bytes */
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
