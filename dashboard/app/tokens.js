// The tokens of the session in `localStorage`, which all tabs share.

/**
 * An access token is renewed at a random moment between these margins before it expires, so that somebody
 * who knows when it was issued cannot know when it is renewed. Each margin is also limited to a share of
 * the token's lifetime.
 */
const LARGEST_MARGIN = { ms: 300_000, share: 1 / 3 };
const SMALLEST_MARGIN = { ms: 30_000, share: 1 / 4 };

const NAMES = ["token", "tokenRenewAt", "tokenExpiresAt", "refreshToken"];

/** @param {string} name @param {number} otherwise */
const storedTime = (name, otherwise) => Number(localStorage.getItem(name) ?? otherwise);

/** Whether a token is stored. It may have expired. */
export const isSignedIn = () => Boolean(accessToken() || refreshToken());

/** The stored access token, or null. */
export const accessToken = () => localStorage.getItem("token");

/** The stored refresh token, or null. */
export const refreshToken = () => localStorage.getItem("refreshToken");

/** Whether it is time to renew the access token, which may still be valid. */
export const isDue = () => Date.now() >= storedTime("tokenRenewAt", Infinity);

/** Whether the access token has expired, by the clock of this device. */
export const isExpired = () => Date.now() >= storedTime("tokenExpiresAt", Infinity);

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
  localStorage.setItem("tokenExpiresAt", String(Date.now() + lifeMs));
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

/** Removes the tokens and their times. */
export function clearTokens() {
  for (const name of NAMES) localStorage.removeItem(name);
}

/**
 * Claims of an access token that are for display. They are not verified.
 *
 * @typedef {{ sub: string, name: string, email: string }} User `sub` is the id of the account
 */

/**
 * Returns the user of an access token, or null if the text is not a token.
 *
 * @param {string | null} token
 * @returns {User | null}
 */
export function userOf(token) {
  try {
    const base64 = (token ?? "").split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const { sub, name, email } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === "string"
      ? { sub, name: String(name || email || sub), email: String(email ?? "") }
      : null;
  } catch {
    return null;
  }
}
