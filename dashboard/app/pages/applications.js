// The list of applications, and the dialog that creates one.

import * as api from "../api.js";
import { fill, freshId, h } from "../dom.js";
import { clockShort, compact, fullDay } from "../format.js";
import { metricsInParts } from "../metrics-parts.js";
import { repeatable } from "../repeatable.js";
import { go, to } from "../router.js";
import { sparkline } from "../charts/series.js";
import { startOf } from "../timespan.js";
import { emptyPage, field, heading, pill } from "../ui/bits.js";
import { formDialog } from "../ui/dialog.js";
import { plus } from "../ui/icons.js";
import { segmented } from "../ui/toolbar.js";

/** @import { Application, Metrics } from "../../types/openapi" */

/** Largest number of sparklines. Each needs at least one request. */
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
  for (const { id, showActivity } of rows.slice(0, MAX_SPARKS)) {
    // An error is ignored: the sparkline is only decoration.
    const query = { applicationId: id, step: /** @type {const} */ (300), from: startOf("1h") };
    metricsInParts(query, signal).then(showActivity, () => {});
  }
}

const welcome = () =>
  emptyPage(
    "Create your first application",
    "An application is one system: all services that take part in the same requests, such as a site, its API and its workers. Each service gets an API key of its own, and a trace shows all of them.",
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
      h("p.faint.small", {}, `created ${fullDay(createdAt)}`),
    ),
    pill(environment, environment === "production" ? "" : "warn"),
    activity,
  );
  /** @param {Metrics} metrics of the last hour */
  const showActivity = ({ buckets, total, searchedTo }) =>
    fill(
      activity,
      sparkline(buckets.map((bucket) => bucket.requests.count)),
      h(
        "span.small",
        {},
        h("b", {}, compact(total.requests.count)),
        h("span.faint", {}, ` requests ${spanOf(searchedTo ?? null)}`),
      ),
    );
  return { id, element, showActivity };
}

/** @param {string | null} searchedTo */
const spanOf = (searchedTo) => (searchedTo ? `since ${clockShort(searchedTo)}` : "in 1 h");

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
  const creation = repeatable((/** @type {import("../../types/openapi").NewApplication} */ body) => body);
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
            ["staging", "Staging"],
            ["development", "Development"],
            ["test", "Test"],
          ],
          environment,
          (value) => {
            environment = value;
          },
        ),
        h("p.hint", {}, "Decides the prefix of each key: live or test. Cannot be changed later."),
      ),
    ],
    ready: () => input.value.trim() !== "",
    async save() {
      const application = await api.createApplication(creation({ name: input.value, environment }));
      go(to("/applications/{}/keys", application.id));
    },
  });
}
