// Signing in: to GitHub and back, with a one-time code that only this tab can redeem.

import { apiUrl, ask } from "./http.js";
import { keep } from "./session.js";

const VERIFIER = "signInVerifier";
const RETURN_TO = "signInReturnTo";

/** Remembers what the reader wanted to see. @param {string} hash a route, like `#/applications` */
export function rememberReturn(hash) {
  if (hash.startsWith("#/")) sessionStorage.setItem(RETURN_TO, hash);
}

/** The route to go to after a sign-in; told once. */
export function takeReturn() {
  const hash = sessionStorage.getItem(RETURN_TO);
  sessionStorage.removeItem(RETURN_TO);
  return hash?.startsWith("#/") ? hash : "#/";
}

/** Leaves for GitHub. */
export async function startSignIn() {
  location.assign(`${apiUrl()}/oauth2/authorization/github${await challenge()}`);
}

async function challenge() {
  // No Web Crypto without a secure context; the tokens come in the fragment then.
  if (!crypto.subtle) return "";
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(VERIFIER, verifier);
  return `?code_challenge=${base64url(new Uint8Array(hash))}&code_challenge_method=S256`;
}

/**
 * Finishes a sign-in with what `/oauth-success` was called with.
 *
 * @param {{ search: string, hash: string }} address
 * @returns {Promise<boolean>} whether there was anything to sign in with
 * @throws {import("./http.js").Problem} when the code is refused
 */
export async function finishSignIn({ search, hash }) {
  const fragment = new URLSearchParams(hash.slice(1));
  const token = fragment.get("token");
  const refreshToken = fragment.get("refreshToken");
  if (token && refreshToken) {
    keep({ token, refreshToken, expiresIn: Number(fragment.get("expiresIn")) });
    return true;
  }
  const code = new URLSearchParams(search).get("code");
  const codeVerifier = sessionStorage.getItem(VERIFIER);
  sessionStorage.removeItem(VERIFIER);
  if (!code || !codeVerifier) return false;
  keep(await ask("post", "/oauth2/token", { body: { code, codeVerifier } }));
  return true;
}

/** @param {Uint8Array} bytes */
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
