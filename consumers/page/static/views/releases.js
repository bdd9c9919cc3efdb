// Releases and shadows, what was trained, and two releases side by side.

import { figure } from "../charts/figure.js";
import { lines } from "../charts/lines.js";
import { ask } from "../lib/api.js";
import { h, linkTo } from "../lib/dom.js";
import { badge, card, cards, choice, empty, heading, listing, section, time } from "../lib/parts.js";
import { UTC_DAYS, day } from "../lib/times.js";
import { plain, share } from "../lib/units.js";
import { loaded } from "../lib/view.js";

export const releasePath = (one) =>
  `#/releases/${encodeURIComponent(one.name)}/${encodeURIComponent(one.version)}`;
const title = (one) => `${one.name} ${one.version}`;

export function show(main, context) {
  const body = h("div");
  const chosen = {};
  main.append(heading("Releases"), body);
  loaded(
    body,
    "the releases",
    context,
    async (signal) => {
      const [releases, trainings] = await Promise.all([
        ask("/v1/releases", {}, signal),
        ask("/v1/trainings", { limit: 50 }, signal),
      ]);
      return { releases: releases.data.toReversed(), trainings: trainings.data };
    },
    ({ releases, trainings }) => [
      section("What forecasts", releaseList(releases)),
      releases.length > 1 ? compare(releases, chosen, context) : null,
      section("Trainings", trainingList(trainings)),
    ],
  );
}

export const role = (one) => {
  if (one.serves) return badge("good", "✓", "serves");
  return one.role === "shadow"
    ? badge("info", "◐", "shadow")
    : badge("plain", "○", one.role === "champion" ? "replaced" : one.role);
};

const releaseList = (rows) =>
  listing({
    caption: "Releases",
    rows,
    none: "There is no release yet: every plant is forecast by the built-in physical start. `gridcast train` makes one.",
    columns: [
      { name: "Release", of: (one) => linkTo(releasePath(one), title(one), { class: "name" }) },
      { name: "Does", of: role },
      { name: "Since", of: (one) => time(one.since) },
      { name: "Made the newest forecast of", of: (one) => `${plain(one.forecasts_of)} plants`, number: true },
      { name: "For", of: (one) => (one.plants.length ? one.plants.join(", ") : "every plant") },
      { name: "Size", of: (one) => `${plain(one.bytes / 1000)} kB`, number: true },
    ],
  });

const trainingList = (rows) =>
  listing({
    caption: "Trainings",
    rows,
    none: "Nothing was trained yet.",
    columns: [
      { name: "Ended", of: (one) => time(one.ended_at) },
      {
        name: "Came to",
        of: (one) => [h("b", null, one.outcome.replaceAll("_", " ")), h("small", null, one.detail)],
      },
      { name: "Because", of: (one) => one.because },
      { name: "Release", of: (one) => (one.name ? `${one.name} ${one.version}` : "none") },
    ],
  });

// `chosen`: the addresses of the two, kept when the list around this is drawn anew, which asks for this anew.
function compare(releases, chosen, context) {
  const find = (path) => releases.find((one) => releasePath(one) === path);
  const state = { first: find(chosen.first) ?? releases.find((one) => one.serves) ?? releases[0] };
  state.second = find(chosen.second) ?? releases.find((one) => one !== state.first);
  const place = h("div");
  const options = releases.map((one) => [releasePath(one), title(one)]);
  const reload = loaded(
    place,
    "the comparison",
    { ...context, onBack() {} },
    (signal) => {
      if (state.first === state.second) return null;
      const { first, second } = state;
      return ask(
        "/v1/performance/releases",
        {
          first: first.version,
          second: second.version,
          name: first.name === second.name ? first.name : null,
        },
        signal,
      );
    },
    (told) => (told === null ? empty("Choose two different releases.") : compared(told, state)),
  );
  const choose = (name) => (value) => {
    chosen[name] = value;
    state[name] = find(value);
    reload();
  };
  return section(
    "Side by side",
    h(
      "p",
      { class: "muted" },
      "On the same live intervals: the champion beside a shadow, which forecasts and is not published.",
    ),
    h(
      "div",
      { class: "controls" },
      choice("First", options, releasePath(state.first), choose("first")),
      choice("Second", options, releasePath(state.second), choose("second")),
    ),
    place,
  );
}

function compared(told, { first, second }) {
  if (!told.data.length) return empty("These two have no live intervals in common yet.");
  const days = new Map();
  for (const row of told.data) {
    const sum = days.get(row.day) ?? { n: 0, first: 0, second: 0 };
    days.set(row.day, {
      n: sum.n + row.n,
      first: sum.first + row.n * row.first,
      second: sum.second + row.n * row.second,
    });
  }
  const rows = [...days]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([at, sum]) => ({ at, n: sum.n, first: sum.first / sum.n, second: sum.second / sum.n }));
  const line = (kind, name) => ({
    kind,
    marks: true,
    points: rows.map((row) => [Date.parse(row.at), row[name]]),
  });
  const all = told.all ?? {};
  return [
    cards(
      ...Object.entries(all)
        .filter(([, value]) => typeof value === "number")
        .slice(0, 6)
        .map(([name, value]) =>
          card(name.replaceAll("_", " "), plain(value, Number.isInteger(value) ? 0 : 3)),
        ),
    ),
    rows.length > 1
      ? figure({
          title: "Pinball loss by UTC day",
          note: "In % of capacity, over all plants and lead times; lower is better.",
          legend: [
            ["line median", title(first)],
            ["line naive", title(second)],
          ],
          draw: (width) =>
            lines(width, {
              title: "Pinball loss of two releases by day",
              unit: "%",
              times: [Date.parse(rows[0].at), Date.parse(rows.at(-1).at)],
              plant: UTC_DAYS,
              lines: [line("naive", "second"), line("median", "first")],
            }),
          table: {
            columns: ["UTC day", "Forecasts", title(first), title(second), "First is better by"],
            rows: () =>
              rows.map((row) => [
                day(row.at, UTC_DAYS),
                plain(row.n),
                `${plain(row.first, 2)} %`,
                `${plain(row.second, 2)} %`,
                share(1 - row.first / row.second),
              ]),
          },
        }).element
      : null,
  ];
}
