// What happened to an application, newest first.

import * as api from "../api.js";
import { fill } from "../dom.js";
import { heading } from "../ui/bits.js";
import { trail } from "./trail.js";

/** @type {import("../main.js").Page} */
export function auditPage(outlet, { signal }, application) {
  fill(
    outlet,
    heading("Audit"),
    trail((page) => api.audit(application.id, page, signal), signal),
  );
}
