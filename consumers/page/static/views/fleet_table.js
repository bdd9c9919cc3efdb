// The lines of the fleet: what a plant does now and next, whether to trust it, what is wrong with it.

import { spark } from "../charts/spark.js";
import { h, linkTo, plantPath } from "../lib/dom.js";
import { listing, meter, quality, severity, time, trust } from "../lib/parts.js";
import { NONE, band, plain, power, share } from "../lib/units.js";
import { nextStep, stepIn } from "./fleet_rows.js";

const COLUMNS = [
  { name: "Plant", of: plant },
  { name: "Trust now", of: trusted },
  { name: "Measured", of: measured, number: true },
  { name: "Next, P50", of: next },
  { name: "24 h ahead, P10 to P90", of: ahead },
  { name: "In 6 h, P10 to P90", of: later, number: true },
  { name: "Open events", of: events },
  { name: "Telemetry", of: (row) => feed(row.quality.telemetry_quality, row.quality.telemetry_at) },
  { name: "Weather", of: (row) => feed(row.quality.weather_quality, row.quality.weather_published_at) },
  { name: "Issued", of: (row) => time(row.outlook?.issued_at, row.plant, { age: true }) },
];

export const table = (rows) =>
  listing({
    caption: "Plants of the fleet",
    columns: COLUMNS,
    rows,
    kind: "fleet-list",
    id: (row) => row.id,
  });

function plant(row) {
  return [
    linkTo(plantPath(row.id), row.id, { class: "name" }),
    h(
      "small",
      null,
      `${row.plant.kind === "wind" ? "wind farm" : "solar park"}, ${power(row.plant.capacity_kw, row.plant.capacity_kw)}`,
    ),
  ];
}

function trusted(row) {
  return [trust(row.quality), row.quality.trusted ? null : h("small", { class: "why" }, row.quality.why_not)];
}

function measured(row) {
  if (row.outlook?.measured_kw === null || row.outlook?.measured_kw === undefined) return NONE;
  return power(row.outlook.measured_kw, row.plant.capacity_kw);
}

function next(row) {
  const step = nextStep(row.outlook);
  if (!step) return tooOld(row);
  if (step.p50_kw === null) return NONE;
  const part = step.p50_kw / row.plant.capacity_kw;
  return meter(part, `${power(step.p50_kw, row.plant.capacity_kw)}, ${share(part)}`);
}

function ahead(row) {
  if (!row.outlook) return h("span", { class: "muted" }, "no forecast");
  return spark(row.outlook.steps, row.plant.capacity_kw, row.outlook.measured_kw);
}

function later(row) {
  const step = stepIn(row.outlook, 6);
  if (!step) return tooOld(row);
  return [
    h("b", null, power(step.p50_kw, row.plant.capacity_kw)),
    h("small", null, band(step.p10_kw, step.p90_kw, row.plant.capacity_kw)),
  ];
}

const tooOld = (row) => (row.outlook ? h("span", { class: "muted" }, "too old") : NONE);

function events(row) {
  if (!row.events.length) return h("span", { class: "muted" }, "none");
  return ["critical", "warning", "info"].map((name) => {
    const many = row.events.filter((one) => one.severity === name).length;
    return many ? linkTo(plantPath(row.id, "events"), severity(name, `${plain(many)} ${name}`)) : null;
  });
}

function feed(value, at) {
  return [quality(value), h("small", null, at ? ["of ", time(at, null, { age: true })] : "nothing used")];
}
