// Events in a list, with what each costs.

import { h, linkTo, plantPath } from "../lib/dom.js";
import { badge, listing, severity, soFar, time } from "../lib/parts.js";
import { lasted } from "../lib/times.js";
import { energy } from "../lib/units.js";

export const nameOf = (detector) => detector.replaceAll("_", " ");
export const isOpen = (event) => event.phase !== "close";

export function eventList(rows, { plant = null, plants, none, caption = "Events" } = {}) {
  return listing({
    caption,
    rows,
    none,
    kind: "events",
    columns: [
      {
        name: "Event",
        of: (one) => [
          linkTo(`#/events/${one.event_id}`, nameOf(one.detector), { class: "name" }),
          h("small", null, one.message),
        ],
      },
      ...(plant
        ? []
        : [{ name: "Plant", of: (one) => linkTo(plantPath(one.plant_id, "events"), one.plant_id) }]),
      { name: "Unit", of: (one) => one.unit_id || "whole plant" },
      { name: "Severity", of: (one) => severity(one.severity) },
      {
        name: "State",
        of: (one) => (isOpen(one) ? badge("warning", "◔", "open") : badge("good", "✓", "over")),
      },
      { name: "Began", of: (one) => time(one.started_at, plant ?? plants?.get(one.plant_id)) },
      {
        name: "Lasted",
        of: (one) => (isOpen(one) ? soFar(one.started_at) : lasted(one.started_at, one.event_time)),
        number: true,
      },
      { name: "At stake", of: (one) => energy(one.energy_kwh), number: true },
    ],
  });
}
