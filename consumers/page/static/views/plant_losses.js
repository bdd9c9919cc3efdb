// What outages, limits and silent feeds have cost, by unit and cause.

import { bars } from "../charts/bars.js";
import { figure } from "../charts/figure.js";
import { ask } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { card, cards, choice, empty, section } from "../lib/parts.js";
import { dayOfYear } from "../lib/times.js";
import { energy, plain } from "../lib/units.js";
import { loaded } from "../lib/view.js";
import { newestTelemetry } from "./newest.js";

const RANGES = [
  ["7", "the last 7 days"],
  ["30", "the last 30 days"],
  ["90", "the last 90 days"],
  ["", "all that was measured"],
];
const money = (value) => (value === null || value === undefined ? "–" : `${plain(value)} EUR`);

export function show(element, plant, context) {
  const state = { days: "7", price: "" };
  const place = h("div");
  const reload = loaded(
    place,
    "the losses",
    context,
    async (signal) => {
      const price = state.price === "" ? null : Number(state.price);
      const of = { plant_id: plant.plant_id, price_eur_mwh: price };
      const until = state.days ? await newestTelemetry(plant.plant_id, signal) : null;
      const from = until && new Date(Date.parse(until) - Number(state.days) * 86400000).toISOString();
      return ask("/v1/losses", { ...of, from }, signal);
    },
    (told) => drawn(told, plant),
  );
  const price = h("input", {
    type: "number",
    step: "any",
    inputmode: "decimal",
    placeholder: "62.50",
    onchange: (event) => {
      state.price = event.target.value;
      reload();
    },
  });
  element.append(
    h(
      "div",
      { class: "controls" },
      choice("Range", RANGES, state.days, (value) => {
        state.days = value;
        reload();
      }),
      h("label", { class: "field" }, h("span", null, "Price [EUR/MWh]"), price),
    ),
    place,
  );
}

function drawn(told, plant) {
  const rows = told.data.toSorted((a, b) => (b.energy_kwh ?? 0) - (a.energy_kwh ?? 0));
  const name = (row) => `${row.unit_id || "whole plant"}: ${row.cause}`;
  return [
    cards(
      card(
        "Lost",
        energy(told.lost_kwh),
        told.lost_eur === null || told.lost_eur === undefined
          ? "give a price to see it in money"
          : money(told.lost_eur),
      ),
      card("Not seen", energy(told.unseen_kwh), "behind silent feeds: not known to be lost"),
      card(
        "Range",
        told.from ? `${dayOfYear(told.from, plant)} to ${dayOfYear(told.to, plant)}` : "nothing yet",
      ),
    ),
    section(
      "By cause",
      rows.length
        ? figure({
            title: "Energy by unit and cause",
            note: "An hour is counted once, for the most specific event.",
            legend: [
              ["bar outage", "outage"],
              ["bar under", "under-performance"],
              ["bar curtailment", "curtailment"],
              ["bar feed", "feed: not seen"],
            ],
            draw: (width) =>
              bars(width, {
                title: `Energy by unit and cause: ${rows
                  .map((row) => `${name(row)} ${energy(row.energy_kwh)}`)
                  .slice(0, 8)
                  .join(", ")}`,
                rows: rows.slice(0, 20).map((row) => ({
                  name: name(row),
                  parts: [{ kind: kindOf(row.cause), value: row.energy_kwh ?? 0 }],
                  text: energy(row.energy_kwh),
                })),
              }),
            table: {
              columns: ["Unit", "Cause", "Events", "Hours", "Hours without a value", "Energy", "Money"],
              rows: () =>
                rows.map((row) => [
                  row.unit_id || "whole plant",
                  row.cause,
                  plain(row.events),
                  plain(row.hours, 1),
                  plain(row.unvalued_h, 1),
                  energy(row.energy_kwh),
                  money(row.eur),
                ]),
            },
          }).element
        : empty("Nothing was lost that a detector has seen."),
    ),
  ];
}

function kindOf(cause) {
  return { outage: "outage", "under-performance": "under", curtailment: "curtailment" }[cause] ?? "feed";
}
