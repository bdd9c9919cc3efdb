// The fan of a forecast against what was measured: the newest one, live, or any past issue.

import { bandsOf, fan } from "../charts/fan.js";
import { figure } from "../charts/figure.js";
import { ask, askAll } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { choice, empty, section } from "../lib/parts.js";
import { moment, span } from "../lib/times.js";
import { band, power } from "../lib/units.js";
import { loaded, soon } from "../lib/view.js";

const BEFORE_MS = 12 * 3600000;
const MOST = 200;
const level = (text) => `P${Math.round(100 * Number(text))}`;
const legend = (forecast) => [
  ["median", "median (P50)"],
  ...bandsOf(forecast)
    .map(([low, high], place) => [`band band${place}`, `${level(low)} to ${level(high)}`])
    .toReversed(),
  ["measured", "measured"],
];
const RUNGS = [
  ["rung both", "weather and telemetry"],
  ["rung weather", "weather only"],
  ["rung telemetry", "telemetry only"],
  ["rung climatology", "climatology"],
  ["rung start", "physical start"],
];

export function show(element, plant, context) {
  const path = `/v1/plants/${encodeURIComponent(plant.plant_id)}`;
  const state = { issued: "newest", cursor: null };
  const reload = loaded(
    element,
    "the forecast",
    context,
    async (signal) => {
      const newest = state.issued === "newest";
      const [forecast, issues] = await Promise.all([
        ask(newest ? `${path}/forecasts/latest` : `${path}/forecasts/${state.issued}`, {}, signal),
        ask(`${path}/forecasts`, { limit: MOST }, signal),
      ]);
      const from = new Date(Date.parse(forecast.issued_at) - BEFORE_MS).toISOString();
      const last = forecast.steps.at(-1)?.valid_at ?? forecast.issued_at;
      const until = new Date(Date.parse(last) + 1000).toISOString();
      const actuals = await askAll(`${path}/actuals`, { from, to: until }, signal);
      return {
        forecast,
        issues,
        actuals: actuals.map((one) => ({ at: Date.parse(one.event_time), kw: one.power_kw })),
      };
    },
    ({ forecast, issues, actuals }) => [
      chooser(state, issues.data, plant, () => reload()),
      issues.next
        ? h("p", { class: "muted" }, `The newest ${MOST} issues; the API has them all at ${path}/forecasts.`)
        : null,
      forecast.steps.length ? drawn(forecast, actuals, plant, state) : empty("This forecast has no steps."),
      origin(forecast, plant),
    ],
  );
  const reloadSoon = soon(reload, 1500, context.signal);
  context.on("forecast", (told) => {
    if (told.plant_id === plant.plant_id && state.issued === "newest") reloadSoon();
  });
}

function chooser(state, issues, plant, change) {
  const options = [
    ["newest", "the newest, live"],
    ...issues.map((one) => [one.issued_at, `${moment(one.issued_at, plant)} · ${one.model} ${one.version}`]),
  ];
  const go = (value) => {
    state.issued = value;
    change();
  };
  const place = Math.max(
    0,
    options.findIndex(([value]) => value === state.issued),
  );
  const step = (by, text) =>
    h(
      "button",
      {
        type: "button",
        disabled: !options[place + by],
        onclick: () => go(options[place + by][0]),
      },
      text,
    );
  return h(
    "div",
    { class: "controls" },
    choice("Forecast", options, state.issued, go),
    step(1, "Earlier"),
    step(-1, "Later"),
  );
}

// `state.cursor`: the end of the interval that is read, kept when the chart is drawn anew.
function drawn(forecast, actuals, plant, state) {
  const usual = usualStep(actuals);
  const said = h("output", { class: "reading", "aria-live": "off" });
  const range = h("input", {
    type: "range",
    min: 0,
    max: forecast.steps.length - 1,
    value: 0,
    oninput: () => read(Number(range.value)),
  });
  const rungs = new Set(forecast.steps.map((step) => step.rung));
  const made = figure({
    title: `Power, issued ${moment(forecast.issued_at, plant)}`,
    note: "Mean power of each interval; the strip below the chart says what a step was made of.",
    legend: [
      ...legend(forecast),
      ...RUNGS.filter(([, name]) => rungs.has(name === "weather and telemetry" ? "both" : name)),
    ],
    controls: h("label", { class: "reader" }, h("span", null, "Read the chart at"), range, said),
    draw: (width) => {
      const svg = fan(width, { forecast, actuals, plant, cursor: state.cursor });
      svg.addEventListener("pointermove", (event) =>
        point(svg.timeAt(event.clientX - svg.getBoundingClientRect().left)),
      );
      return svg;
    },
    table: {
      columns: ["End of interval", "P10", "P50", "P90", "Made of", "Measured"],
      rows: () => forecast.steps.map((step) => cells(step, forecast, actuals, plant, usual)),
    },
  });
  const read = (place, asked = true) => {
    const step = forecast.steps[place];
    if (!step) return;
    const [at, low, middle, high, rung, measured] = cells(step, forecast, actuals, plant, usual);
    const lead = span((Date.parse(step.valid_at) - Date.parse(forecast.issued_at)) / 1000);
    said.textContent = `${at} (${lead} ahead): ${middle}, ${band(step.power_kw["0.1"], step.power_kw["0.9"], forecast.capacity_kw)}, from ${rung}${measured === "–" ? "" : `; measured ${measured}`}`;
    range.setAttribute("aria-valuetext", said.textContent);
    if (low === high && low === "–") said.textContent = `${at}: nothing is forecast`;
    if (asked) {
      state.cursor = Date.parse(step.valid_at);
      made.redraw();
    }
  };
  const point = (at) => {
    const place = forecast.steps.findIndex((step) => Date.parse(step.valid_at) >= at);
    if (place >= 0 && String(place) !== range.value) {
      range.value = place;
      read(place);
    }
  };
  const kept = forecast.steps.findIndex((step) => Date.parse(step.valid_at) === state.cursor);
  if (kept < 0) state.cursor = null;
  range.value = Math.max(kept, 0);
  read(Math.max(kept, 0), false);
  return made.element;
}

function cells(step, forecast, actuals, plant, usual) {
  const shown = (level) => power(step.power_kw[level], forecast.capacity_kw);
  return [
    moment(step.valid_at, plant),
    shown("0.1"),
    shown("0.5"),
    shown("0.9"),
    step.rung === "both" ? "weather and telemetry" : step.rung,
    power(meanWithin(actuals, step, usual), forecast.capacity_kw),
  ];
}

// The distance between scans that most of them keep [s]: a gap between the first two is not it.
function usualStep(actuals) {
  const gaps = actuals.slice(1).map((one, place) => (one.at - actuals[place].at) / 1000);
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? null;
}

// What was measured in an interval, where at least half of its usual scans are there.
function meanWithin(actuals, step, usual) {
  const end = Date.parse(step.valid_at);
  const found = actuals.filter(({ at, kw }) => kw !== null && at > end - step.interval_s * 1000 && at <= end);
  if (!found.length || found.length * (usual ?? step.interval_s) < step.interval_s / 2) return null;
  return found.reduce((sum, { kw }) => sum + kw, 0) / found.length;
}

function origin(forecast, plant) {
  return section(
    "What it was made of",
    h(
      "dl",
      { class: "facts" },
      fact("Release", released(forecast)),
      fact(
        "Telemetry up to",
        forecast.telemetry_at
          ? `${moment(forecast.telemetry_at, plant)}, quality ${percentOf(forecast.telemetry_quality)}`
          : "none",
      ),
      fact(
        "Weather run",
        forecast.weather_source
          ? `${forecast.weather_source} of ${moment(forecast.weather_published_at, plant)}, quality ${percentOf(forecast.weather_quality)}`
          : "none",
      ),
      fact("Steps", `${forecast.steps.length}, to ${moment(forecast.steps.at(-1)?.valid_at, plant)}`),
    ),
  );
}

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));
const percentOf = (value) => (value === null ? "not known" : `${Math.round(100 * value)} %`);
const released = ({ model, version }) =>
  model === "cold-start"
    ? "none: the built-in physical start"
    : h(
        "a",
        { href: `#/releases/${encodeURIComponent(model)}/${encodeURIComponent(version)}` },
        `${model} ${version}`,
      );
