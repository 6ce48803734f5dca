// Your applications: all of them, and the first one.

import * as api from "../api.js";
import { fill, freshId, h } from "../dom.js";
import { compact, fullDay } from "../format.js";
import { go, to } from "../router.js";
import { spark } from "../charts/series.js";
import { beginOf } from "../timespan.js";
import { emptyPage, field, heading, pill } from "../ui/bits.js";
import { formDialog } from "../ui/dialog.js";
import { plus } from "../ui/icons.js";
import { segmented } from "../ui/toolbar.js";

/** @import { Application, Metrics } from "../../types/openapi" */

/** Each sparkline is a request of its own. */
const MAX_SPARKS = 12;

/** @type {import("../main.js").Page} */
export async function applicationsPage(outlet, { signal }) {
  const { applications } = await api.applications(signal);
  if (applications.length === 0) return fill(outlet, welcome());
  const rows = applications.map((application) => row(application));
  fill(
    outlet,
    heading("Applications", createButton("primary")),
    h(
      "ul.cards",
      {},
      rows.map(({ element }) => element),
    ),
  );
  for (const { id, showPulse } of rows.slice(0, MAX_SPARKS)) {
    // Decoration: without it the list is as useful.
    api.metrics({ applicationId: id, step: 300, from: beginOf("1h") }, signal).then(showPulse, () => {});
  }
}

const welcome = () =>
  emptyPage(
    "Create your first application",
    "An application is one thing you run: a service, a site, a worker. It has keys to send with, and traces and logs to look at.",
    createButton("primary"),
  );

/** @param {string} tone */
function createButton(tone) {
  return h(
    "button.button",
    { type: "button", class: tone, on: { click: create } },
    plus(),
    "New application",
  );
}

/** @param {Application} application */
function row({ id, name, environment, createdAt }) {
  const activity = h("span.card-activity");
  const element = h(
    "li.card",
    {},
    h(
      "div",
      {},
      h("a.card-link", { href: to("/applications/{}/traces", id) }, name),
      h("p.faint.small", {}, `since ${fullDay(createdAt)}`),
    ),
    pill(environment, environment === "test" ? "warn" : ""),
    activity,
  );
  /** @param {Metrics} metrics of the last hour */
  const showPulse = ({ buckets, total }) =>
    fill(
      activity,
      spark(buckets.map((bucket) => bucket.requests.count)),
      h("span.small", {}, h("b", {}, compact(total.requests.count)), h("span.faint", {}, " requests in 1 h")),
    );
  return { id, element, showPulse };
}

function create() {
  const id = freshId("name");
  let environment = /** @type {Application["environment"]} */ ("production");
  const input = h("input", {
    name: "name",
    required: true,
    maxlength: 80,
    placeholder: "Checkout",
    autocomplete: "off",
  });
  formDialog({
    title: "New application",
    action: "Create",
    fields: [
      field(id, "Name", input),
      h(
        "div.field",
        {},
        h("span.label", {}, "Environment"),
        segmented(
          "Environment",
          [
            ["production", "Production"],
            ["test", "Test"],
          ],
          environment,
          (value) => {
            environment = value;
          },
        ),
        h("p.hint", {}, "Keys say which one they are for. It cannot be changed later."),
      ),
    ],
    ready: () => input.value.trim() !== "",
    async save() {
      const application = await api.createApplication({ name: input.value, environment });
      go(to("/applications/{}/keys", application.id));
    },
  });
}
