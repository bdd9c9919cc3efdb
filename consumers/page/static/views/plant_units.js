// Units of a plant beside each other: turbines, inverters. The last day that was measured.

import { figure } from "../charts/figure.js";
import { shareText, strip } from "../charts/strip.js";
import { askAll } from "../lib/api.js";
import { h, linkTo } from "../lib/dom.js";
import { empty, listing, section, severity, time } from "../lib/parts.js";
import { moment } from "../lib/times.js";
import { plain, power } from "../lib/units.js";
import { loaded, soon } from "../lib/view.js";
import { newestTelemetry } from "./newest.js";

const DAY_MS = 86400000;
const HOUR_MS = 3600000;
const MOST = 20000;

export function show(element, plant, context) {
  const id = encodeURIComponent(plant.plant_id);
  const scansOf = (from, until, signal) =>
    askAll(`/v1/plants/${id}/units`, { from: iso(from + 1000), to: iso(until + 1000) }, signal, MOST);
  const reload = loaded(
    element,
    "the units",
    context,
    async (signal) => {
      const until = Date.parse(await newestTelemetry(plant.plant_id, signal));
      // The list comes oldest first: of a plant with very many units the hour that counts most is asked apart.
      const [before, newest, events] = await Promise.all([
        scansOf(until - DAY_MS, until - HOUR_MS, signal),
        scansOf(until - HOUR_MS, until, signal),
        askAll("/v1/events", { plant_id: plant.plant_id, open: true }, signal),
      ]);
      const ofUnits = events.filter((one) => one.unit_id);
      return {
        until,
        rows: unitRows([...before, ...newest], ofUnits),
        cut: before.length >= MOST ? before.at(-1).event_time : null,
      };
    },
    ({ until, rows, cut }) =>
      rows.length ? drawn(rows, until, plant, cut) : empty("This plant sends no readings of single units."),
  );
  const reloadSoon = soon(reload, 5000, context.signal);
  for (const kind of ["forecast", "alert"])
    context.on(kind, (one) => {
      if (one.plant_id === plant.plant_id) reloadSoon();
    });
}

const iso = (ms) => new Date(ms).toISOString();

function unitRows(scans, events) {
  const byUnit = new Map();
  for (const scan of scans) byUnit.set(scan.unit_id, [...(byUnit.get(scan.unit_id) ?? []), scan]);
  const most = Math.max(1e-9, ...scans.map((one) => one.power_kw ?? 0));
  return [...byUnit.keys()].sort().map((unit) => {
    const own = byUnit.get(unit);
    const known = own.filter((one) => one.power_kw !== null);
    const step = own.length > 1 ? Date.parse(own[1].event_time) - Date.parse(own[0].event_time) : 900000;
    return {
      name: unit,
      newest: own.at(-1),
      mean: known.length ? known.reduce((sum, one) => sum + one.power_kw, 0) / known.length : null,
      present: known.length / own.length,
      events: events.filter((one) => one.unit_id === unit),
      most,
      cells: own.map((one) => {
        const to = Date.parse(one.event_time);
        return { from: to - step, to, share: one.power_kw === null ? null : one.power_kw / most };
      }),
      spans: events
        .filter((one) => one.unit_id === unit)
        .map((one) => ({
          from: Date.parse(one.started_at),
          to: one.phase === "close" ? Date.parse(one.event_time) : Infinity,
          kind: one.severity,
        })),
    };
  });
}

function drawn(rows, until, plant, cut) {
  const made = figure({
    title: "Power of each unit, the last day measured",
    note: `Stronger colour is more; the strongest is ${plain(rows[0].most)} kW, the most that any unit made. A line below a row is an open event.${cut ? ` There are too many scans to draw: none between ${moment(cut, plant)} and the last hour.` : ""}`,
    legend: [
      ["cell", "power"],
      ["cell unknown", "no value"],
      ["span critical", "critical event"],
      ["span warning", "warning"],
    ],
    draw: (width) =>
      strip(width, {
        title: `Power of ${rows.length} units over a day. The table below has the numbers.`,
        rows,
        times: [until - DAY_MS, until],
        plant,
      }),
    table: {
      columns: ["End of interval", ...rows.map((row) => `${row.name}, share of the most`)],
      rows: () =>
        rows[0].cells.map((cell) => [
          moment(cell.to, plant),
          ...rows.map((row) => shareText(row.cells.find((one) => one.to === cell.to)?.share ?? null)),
        ]),
    },
  });
  return [
    made.element,
    section(
      "Now",
      listing({
        caption: "Units",
        rows,
        columns: [
          { name: "Unit", of: (row) => h("b", null, row.name) },
          { name: "Newest power", of: (row) => power(row.newest.power_kw, row.most), number: true },
          {
            name: "Wind at the unit",
            of: (row) =>
              row.newest.wind_speed_ms === null ? "–" : `${plain(row.newest.wind_speed_ms, 1)} m/s`,
            number: true,
          },
          { name: "Mean of the day", of: (row) => power(row.mean, row.most), number: true },
          { name: "Scans with a value", of: (row) => `${plain(100 * row.present)} %`, number: true },
          { name: "At", of: (row) => time(row.newest.event_time, plant) },
          {
            name: "Open events",
            of: (row) =>
              row.events.length
                ? row.events.map((one) =>
                    linkTo(
                      `#/events/${one.event_id}`,
                      severity(one.severity, one.detector.replaceAll("_", " ")),
                    ),
                  )
                : h("span", { class: "muted" }, "none"),
          },
        ],
      }),
    ),
  ];
}
