// The documents' policy lets the page talk to any https address, because a static
// file cannot know where the API is. This narrows it to the one in config.js;
// a policy can be added, never taken away.

import { apiUrl } from "./http.js";

/** The policy for an API at this address. @param {string} address */
export const policyFor = (address) => `connect-src 'self' ${new URL(address).origin}`;

/** Call before the first request. */
export function narrowPolicy() {
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = policyFor(apiUrl());
  document.head.append(meta);
}
