// The audit log of an application.

import * as api from "../api.js";
import { fill } from "../dom.js";
import { heading } from "../ui/bits.js";
import { auditLog } from "./audit-log.js";

/** @type {import("../main.js").Page} */
export function auditPage(outlet, { signal }, application) {
  fill(
    outlet,
    heading("Audit"),
    auditLog((page) => api.audit(application.id, page, signal), signal),
  );
}
