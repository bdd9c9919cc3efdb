// How good the forecasts were: error and skill by lead time, coverage of the band, and the trend by day.

import { figure } from "../charts/figure.js";
import { lines } from "../charts/lines.js";
import { ask } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { card, cards, choice, empty, section } from "../lib/parts.js";
import { UTC_DAYS, day, dayOfYear } from "../lib/times.js";
import { percent, plain, share } from "../lib/units.js";
import { loaded } from "../lib/view.js";
import { newestTelemetry } from "./newest.js";

const LEADS = ["15min", "1h", "3h", "6h", "24h"].map((one) => [one, one]);
const RANGES = [
  ["7", "the last 7 days"],
  ["30", "the last 30 days"],
  ["60", "the last 60 days"],
];
const PERIODS = [
  ["day", "day"],
  ["week", "week"],
  ["month", "month"],
];

export function show(element, plant, context) {
  const horizons = h("div");
  const course = h("div");
  const of = { plant_id: plant.plant_id };
  const state = { days: "7", lead: "6h", by: "day" };
  element.append(
    h(
      "div",
      { class: "controls" },
      choice("Range", RANGES, state.days, (value) => {
        state.days = value;
        again();
      }),
    ),
    horizons,
    course,
  );
  const again = loaded(
    horizons,
    "the scores",
    context,
    async (signal) => {
      const until = await newestTelemetry(plant.plant_id, signal);
      const from = new Date(Date.parse(until) - Number(state.days) * 86400000).toISOString();
      return ask("/v1/performance", { ...of, from, to: until }, signal);
    },
    (told) =>
      told.data.length ? byLead(told, plant) : empty("No forecast of this range has met its actual yet."),
  );
  const reload = loaded(
    course,
    "the trend",
    context,
    (signal) => ask("/v1/trends", { ...of, lead: state.lead, by: state.by }, signal),
    (told) => [
      section(
        "Over time",
        h(
          "div",
          { class: "controls" },
          choice("Lead time", LEADS, state.lead, (value) => {
            state.lead = value;
            reload();
          }),
          choice("By", PERIODS, state.by, (value) => {
            state.by = value;
            reload();
          }),
        ),
        told.data.length > 1 ? trend(told.data, state) : empty("There are not enough days yet."),
      ),
    ],
  );
}

function byLead(told, plant) {
  const rows = told.data;
  const names = rows.map((row) => row.horizon);
  const line = (kind, name, marks) => ({ kind, marks, points: rows.map((row, place) => [place, row[name]]) });
  const known = (name) => rows.some((row) => row[name] !== null);
  const inside = rows.map((row) => (row.coverage80 === null ? null : 100 * row.coverage80));
  const mid = rows.find((row) => row.horizon === "6h") ?? rows.at(-1);
  const table = {
    columns: [
      "Lead time",
      "Forecasts",
      "Error",
      "Persistence",
      "Skill",
      "Day before",
      "Skill",
      "Smart persistence",
      "Skill",
      "In the band",
      "Width of the band",
    ],
    rows: () =>
      rows.map((row) => [
        row.horizon,
        plain(row.n),
        percent(row.nmae),
        percent(row.nmae_persistence),
        share(row.skill),
        percent(row.nmae_yesterday),
        share(row.skill_yesterday),
        percent(row.nmae_smart),
        share(row.skill_smart),
        share(row.coverage80),
        percent(row.width80),
      ]),
  };
  return [
    cards(
      card(`Error at ${mid.horizon}`, percent(mid.nmae), "of capacity, of the median"),
      card(`Skill at ${mid.horizon}`, share(mid.skill), "gain over persistence"),
      card(`In the 80 % band at ${mid.horizon}`, share(mid.coverage80), "80 % is right"),
      card(
        "Range",
        told.from ? `${dayOfYear(told.from, plant)} to ${dayOfYear(told.to, plant)}` : "–",
        `${plain(mid.n)} forecasts at ${mid.horizon}`,
      ),
    ),
    h(
      "div",
      { class: "pair" },
      figure({
        title: "Error by lead time",
        note: "Mean absolute error of the median in % of capacity; lower is better.",
        legend: [
          ["line median", "forecast"],
          ["line naive", "persistence"],
          ["line yesterday", "the day before"],
          ...(known("nmae_smart") ? [["line smart", "smart persistence"]] : []),
        ],
        draw: (width) =>
          lines(width, {
            title: "Error by lead time, beside naive forecasts",
            unit: "%",
            names,
            nameUnit: "lead time",
            lines: [
              line("yesterday", "nmae_yesterday"),
              line("naive", "nmae_persistence"),
              line("smart", "nmae_smart"),
              line("median", "nmae", true),
            ],
          }),
        table,
      }).element,
      figure({
        title: "Actuals inside P10 to P90",
        note: "The shaded range is 78 to 82 %: where a band of 80 % should be.",
        legend: [
          ["line median", "share inside"],
          ["good", "78 to 82 %"],
        ],
        draw: (width) =>
          lines(width, {
            title: "Share of actuals inside the 80 % band by lead time",
            unit: "%",
            names,
            nameUnit: "lead time",
            range: [Math.min(40, ...inside.filter((one) => one !== null)), 100],
            area: [78, 82],
            lines: [
              {
                kind: "median",
                marks: true,
                points: inside.map((value, place) => [place, value]),
              },
            ],
          }),
        table: {
          columns: ["Lead time", "In the band"],
          rows: () => rows.map((row) => [row.horizon, share(row.coverage80, 1)]),
        },
      }).element,
    ),
  ];
}

function trend(rows, state) {
  const times = [Date.parse(rows[0].period), Date.parse(rows.at(-1).period)];
  const line = (kind, name, marks) => ({
    kind,
    marks,
    points: rows.map((row) => [Date.parse(row.period), row[name]]),
  });
  return figure({
    title: `Error at ${state.lead} by ${state.by}`,
    note: "In % of capacity, of UTC days. Bias above 0: more was forecast than came.",
    legend: [
      ["line median", "error"],
      ["line naive", "bias"],
      ["line yesterday", "load"],
    ],
    draw: (width) =>
      lines(width, {
        title: `Error, bias and load by ${state.by}`,
        unit: "%",
        times,
        plant: UTC_DAYS,
        range: extent(rows),
        lines: [line("yesterday", "load"), line("naive", "bias"), line("median", "nmae", true)],
      }),
    table: {
      columns: ["From UTC day", "Forecasts", "Error", "Bias", "Load", "In the band"],
      rows: () =>
        rows.map((row) => [
          day(row.period, UTC_DAYS),
          plain(row.n),
          percent(row.nmae),
          percent(row.bias),
          percent(row.load),
          share(row.coverage80),
        ]),
    },
  }).element;
}

function extent(rows) {
  const values = rows.flatMap((row) => [row.nmae, row.bias, row.load]).filter((one) => one !== null);
  return [Math.min(0, ...values) * 1.05, Math.max(1, ...values) * 1.05];
}
