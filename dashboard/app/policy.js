// The Content Security Policy of the documents allows requests to any https address, because a
// static file does not know the address of the API. This module restricts requests to the address
// in config.js. An added policy cannot be removed again.

import { apiUrl } from "./http.js";

/** The policy for an API at `address`. @param {string} address */
export const policyFor = (address) => `connect-src 'self' ${new URL(address).origin}`;

/** Restricts requests to the API. Must be called before the first request. */
export function narrowPolicy() {
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = policyFor(apiUrl());
  document.head.append(meta);
}
