// One plant: where it is, whether to trust it, and its sections.

import { ask } from "../lib/api.js";
import { h, linkTo, plantPath, replace } from "../lib/dom.js";
import { heading, time, trust } from "../lib/parts.js";
import { every, loadedOnce, soon } from "../lib/view.js";
import { plain, power } from "../lib/units.js";
import { zoneName } from "../lib/times.js";
import * as events from "./plant_events.js";
import * as forecast from "./plant_forecast.js";
import * as losses from "./plant_losses.js";
import * as skill from "./plant_skill.js";
import * as units from "./plant_units.js";

const SECTIONS = [
  ["", "Forecast", forecast],
  ["units", "Units", units],
  ["events", "Events", events],
  ["losses", "Losses", losses],
  ["skill", "Skill", skill],
];

export function show(main, context) {
  const { plantId, section = "" } = context.given;
  const about = h("p", { class: "about" });
  const body = h("div");
  const chosen = SECTIONS.find(([path]) => path === section) ?? SECTIONS[0];
  main.append(
    h("p", { class: "crumb" }, linkTo("#/", "Fleet"), h("span", { "aria-hidden": "true" }, " / ")),
    heading(plantId ?? "A plant"),
    about,
    h(
      "nav",
      { class: "sub", "aria-label": `Sections of ${plantId}` },
      SECTIONS.map(([path, name]) =>
        linkTo(plantPath(plantId, path), name, { "aria-current": path === chosen[0] ? "page" : null }),
      ),
    ),
    body,
  );
  loadedOnce(
    body,
    plantId,
    context,
    (signal) => ask(`/v1/plants/${encodeURIComponent(plantId)}`, {}, signal),
    (plant) => {
      const place = h("div");
      standing(about, plant, context);
      queueMicrotask(() => chosen[2].show(place, plant, context));
      return place;
    },
  );
}

function standing(about, plant, context) {
  const run = async () => {
    try {
      const { data } = await ask("/v1/quality", { plant_id: plant.plant_id }, context.signal);
      const row = data.find((one) => one.plant_id === plant.plant_id);
      replace(about, row ? [trust(row), row.trusted ? " " : ` ${row.why_not}. `] : null, facts(plant, row));
    } catch (error) {
      if (error.name !== "AbortError" && !about.childElementCount) replace(about, facts(plant, null));
    }
  };
  every(run, 60000, context.signal);
  context.onBack(run);
  const runSoon = soon(run, 1500, context.signal);
  context.on("forecast", (told) => {
    if (told.plant_id === plant.plant_id) runSoon();
  });
  run();
}

function facts(plant, row) {
  const where =
    plant.latitude === null ? null : ` · ${plain(plant.latitude, 2)}° N, ${plain(plant.longitude, 2)}° E`;
  return h(
    "span",
    { class: "muted" },
    `${plant.kind === "wind" ? "Wind farm" : "Solar park"} of ${power(plant.capacity_kw, plant.capacity_kw)}`,
    where,
    ` · times: ${zoneName(plant)}`,
    row?.issued_at ? [" · newest forecast issued ", time(row.issued_at, plant, { age: true })] : null,
    row?.rung ? ` from ${row.rung === "both" ? "weather and telemetry" : row.rung}` : null,
  );
}
