// A forecast's bands against what was measured, and under it what each step was made of.

import { s } from "../lib/dom.js";
import { powerScale } from "../lib/units.js";
import { area, drawing, path, timeAxis, valueAxis, within } from "./frame.js";

const PAIRS = [
  ["0.05", "0.95"],
  ["0.1", "0.9"],
  ["0.25", "0.75"],
  ["0.3", "0.7"],
];
const MOST_BANDS = 3;
const RUNG_CLASSES = {
  both: "both",
  "weather only": "weather",
  "telemetry only": "telemetry",
  climatology: "climatology",
};
export const rungClass = (rung) => RUNG_CLASSES[rung] ?? "start";
const STRIP = 16;
const LETTER_PX = 6.2;

// Pairs of levels that the forecast has, from the widest to the narrowest.
export const bandsOf = (forecast) =>
  PAIRS.filter(
    ([low, high]) => low in (forecast.steps[0]?.power_kw ?? {}) && high in forecast.steps[0].power_kw,
  ).slice(0, MOST_BANDS);

// `forecast`: as the API tells it. `actuals`: [{ at, kw }]. `plant` for its zone.
export function fan(width, { forecast, actuals, plant, cursor }) {
  const height = width < 500 ? 250 : 320;
  const svg = drawing(width, height, summary(forecast), "fan");
  const box = within(width, height, { top: 18, right: 12, bottom: 30 + STRIP + 3, left: 52 });
  const scale = powerScale(forecast.capacity_kw);
  const steps = forecast.steps.map((step) => ({ ...step, at: Date.parse(step.valid_at) }));
  const issued = Date.parse(forecast.issued_at);
  const measured = actuals.map(({ at, kw }) => [at, kw === null ? null : kw / scale.per]);
  const fromMs = Math.min(issued, ...actuals.map((one) => one.at));
  const toMs = Math.max(issued, ...steps.map((one) => one.at), ...actuals.map((one) => one.at));
  const y = valueAxis(svg, box, extent(steps, measured, forecast, scale), scale.unit);
  const x = timeAxis(svg, { ...box, bottom: box.bottom + STRIP + 3 }, [fromMs, toMs], plant);
  const of = (step, level) =>
    step.power_kw[level] === undefined ? null : y(step.power_kw[level] / scale.per);
  bandsOf(forecast).forEach(([low, high], place) => {
    const points = steps.map((step) => [x(step.at), of(step, low), of(step, high)]);
    svg.append(s("path", { class: `band band${place}`, d: area(points) }));
  });
  if (steps.some((step) => step.available_kw !== null)) {
    const points = steps.map((step) => [
      x(step.at),
      step.available_kw === null ? of(step, "0.5") : y(step.available_kw / scale.per),
    ]);
    svg.append(s("path", { class: "available", d: path(points) }));
  }
  svg.append(
    s("path", { class: "median", d: path(steps.map((step) => [x(step.at), of(step, "0.5")])) }),
    s("path", {
      class: "measured",
      d: path(measured.map(([at, kw]) => [x(at), kw === null ? null : y(kw)])),
    }),
    s("line", { class: "issued", x1: x(issued), x2: x(issued), y1: box.top - 6, y2: box.bottom }),
    s("text", { class: "unit", x: x(issued) + 4, y: box.top - 5 }, "issued"),
  );
  strip(svg, runs(steps), x, box.bottom + 3);
  if (cursor) {
    svg.append(s("line", { class: "cursor", x1: x(cursor), x2: x(cursor), y1: box.top, y2: box.bottom }));
  }
  return Object.assign(svg, { timeAt: (place) => x.back(place) });
}

// Steps that follow each other and were made of the same, as one.
function runs(steps) {
  const found = [];
  for (const { at, interval_s: length, rung } of steps) {
    const last = found.at(-1);
    if (last?.rung === rung) last.to = at;
    else found.push({ rung, from: last?.to ?? at - length * 1000, to: at });
  }
  return found;
}

function strip(svg, pieces, x, top) {
  for (const { rung, from, to } of pieces) {
    const width = Math.max(x(to) - x(from), 0.5);
    const name = rung === "both" ? "weather and telemetry" : rung;
    svg.append(s("rect", { class: `rung ${rungClass(rung)}`, x: x(from), y: top, width, height: STRIP }));
    if (name.length * LETTER_PX < width - 8) {
      svg.append(s("text", { class: "rung-name", x: x(from) + 5, y: top + 12 }, name));
    }
  }
}

function extent(steps, measured, forecast, scale) {
  const values = [0, ...measured.map(([, kw]) => kw ?? 0)];
  for (const step of steps) values.push(...Object.values(step.power_kw).map((kw) => kw / scale.per));
  const highest = Math.max(...values);
  const capacity = forecast.capacity_kw / scale.per;
  return [Math.min(...values), Math.max(highest * 1.05, Math.min(capacity, highest * 1.3), capacity * 0.05)];
}

function summary(forecast) {
  const all = forecast.steps.map((step) => step.power_kw["0.5"]).filter((one) => one !== undefined);
  const scale = powerScale(forecast.capacity_kw);
  const shown = (kw) => `${(kw / scale.per).toFixed(scale.digits)} ${scale.unit}`;
  return all.length
    ? `Forecast of ${forecast.plant_id}: the median runs between ${shown(Math.min(...all))} and ${shown(Math.max(...all))}. The table has every step.`
    : `Forecast of ${forecast.plant_id} without steps`;
}
