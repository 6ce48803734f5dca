// A notice about telemetry that is stored but cannot be shown.

import { h } from "../dom.js";
import { textOfGaps } from "../format.js";

/** @import { Gap } from "../../types/openapi" */

/** A hidden notice, and a function that shows or hides it. */
export function gapsNotice() {
  const element = h("p.notice", { role: "status", hidden: true });
  return {
    element,
    show: (/** @type {Gap[]} */ gaps) => {
      element.hidden = gaps.length === 0;
      element.textContent = textOfGaps(gaps);
    },
  };
}
