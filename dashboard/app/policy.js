// The documents' policy lets the page talk to any https address, because a static
// file cannot know where the API is. This narrows it to the one in config.js;
// a policy can be added, never taken away.

import { apiUrl } from "./http.js";

/** Call before the first request. */
export function narrowPolicy() {
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = `connect-src 'self' ${new URL(apiUrl()).origin}`;
  document.head.append(meta);
}
