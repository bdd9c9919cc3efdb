// Open and past events of a plant, and drift.

import { ask } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { listing, section, time } from "../lib/parts.js";
import { plain } from "../lib/units.js";
import { loaded, soon } from "../lib/view.js";
import { eventList, isOpen } from "./event_list.js";

export function show(element, plant, context) {
  const of = { plant_id: plant.plant_id };
  const reload = loaded(
    element,
    "the events",
    context,
    async (signal) => {
      const [open, past, drift] = await Promise.all([
        ask("/v1/events", { ...of, open: true, limit: 500 }, signal),
        ask("/v1/events", { ...of, open: false, limit: 100 }, signal),
        ask("/v1/drift", { ...of, limit: 50 }, signal),
      ]);
      return { open: open.data.filter(isOpen), more: open.next, past, drift: drift.data };
    },
    ({ open, more, past, drift }) => [
      section(
        `Open now (${open.length}${more ? " and more" : ""})`,
        eventList(open, { plant, none: "Nothing is wrong that a detector sees.", caption: "Open events" }),
      ),
      section(
        "Past",
        eventList(past.data, { plant, none: "Nothing was wrong before.", caption: "Past events" }),
        past.next ? h("p", { class: "muted" }, "The newest 100; the API has them all at /v1/events.") : null,
      ),
      section(
        "Drift",
        h("p", { class: "muted" }, "Errors or inputs that are no longer what they were."),
        driftList(drift, plant),
      ),
    ],
  );
  const reloadSoon = soon(reload, 1000, context.signal);
  for (const kind of ["alert", "drift"])
    context.on(kind, (one) => {
      if (one.plant_id === plant.plant_id) reloadSoon();
    });
}

const driftList = (rows, plant) =>
  listing({
    caption: "Drift",
    rows,
    none: "No drift was found.",
    columns: [
      { name: "What", of: (one) => [h("b", null, one.subject), h("small", null, one.message)] },
      { name: "Test", of: (one) => one.detector.replaceAll("_", " ") },
      { name: "At", of: (one) => time(one.event_time, plant) },
      { name: "Before", of: (one) => plain(one.before, 3), number: true },
      { name: "After", of: (one) => plain(one.after, 3), number: true },
      { name: "Release", of: (one) => `${one.model} ${one.version}` },
    ],
  });
