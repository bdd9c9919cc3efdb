// One event: what a detector saw, and each record with its evidence.

import { ask } from "../lib/api.js";
import { h, linkTo, plantPath } from "../lib/dom.js";
import { badge, card, cards, heading, listing, section, severity, soFar, time } from "../lib/parts.js";
import { lasted, moment, zoneName } from "../lib/times.js";
import { energy, plain, powerOf } from "../lib/units.js";
import { loaded, soon } from "../lib/view.js";
import { isOpen, nameOf } from "./event_list.js";
import { zones } from "./zones.js";

export function show(main, context) {
  const { eventId } = context.given;
  const body = h("div");
  const plantsOf = zones();
  const title = heading("Event");
  main.append(
    h("p", { class: "crumb" }, linkTo("#/", "Fleet"), h("span", { "aria-hidden": "true" }, " / ")),
    title,
    body,
  );
  const reload = loaded(
    body,
    "the event",
    context,
    async (signal) => {
      const { records } = await ask(`/v1/events/${encodeURIComponent(eventId)}`, {}, signal);
      const newest = records.at(-1);
      const plant = (await plantsOf([newest.plant_id], signal)).get(newest.plant_id);
      return { records, newest, plant };
    },
    ({ records, newest, plant }) => {
      const where = newest.unit_id ? `${newest.plant_id}, ${newest.unit_id}` : newest.plant_id;
      title.querySelector("h1").textContent = `${nameOf(newest.detector)} at ${where}`;
      document.title = `${title.textContent} · gridcast`;
      return drawn(newest, records, plant);
    },
  );
  const reloadSoon = soon(reload, 1000, context.signal);
  context.on("alert", (one) => {
    if (one.event_id === eventId) reloadSoon();
  });
}

function drawn(newest, records, plant) {
  return [
    h(
      "p",
      { class: "about" },
      severity(newest.severity),
      " ",
      isOpen(newest) ? badge("warning", "◔", "open") : badge("good", "✓", "over"),
      ` ${newest.message} `,
      linkTo(plantPath(newest.plant_id, "events"), "All events of the plant"),
      h("span", { class: "muted" }, ` · times: ${zoneName(plant)}`),
    ),
    cards(
      card(
        "Began",
        moment(newest.started_at, plant),
        isOpen(newest) ? soFar(newest.started_at) : `lasted ${lasted(newest.started_at, newest.event_time)}`,
      ),
      card("At stake", energy(newest.energy_kwh), "since it opened"),
      card("Expected", powerOf(newest.expected_kw), "by the detector"),
      card("Measured", powerOf(newest.actual_kw), "at the newest record"),
    ),
    section("Evidence", evidence(newest.evidence)),
    section(
      "Records",
      listing({
        caption: "Records of the event",
        rows: records.toReversed(),
        columns: [
          { name: "Number", of: (one) => plain(one.sequence) },
          { name: "At", of: (one) => time(one.event_time, plant) },
          { name: "What", of: (one) => one.phase },
          { name: "Severity", of: (one) => severity(one.severity) },
          { name: "Expected", of: (one) => powerOf(one.expected_kw), number: true },
          { name: "Measured", of: (one) => powerOf(one.actual_kw), number: true },
          { name: "At stake", of: (one) => energy(one.energy_kwh), number: true },
          { name: "Message", of: (one) => one.message },
        ],
      }),
    ),
  ];
}

export function evidence(values) {
  const names = Object.keys(values ?? {}).sort();
  if (!names.length) return h("p", { class: "muted" }, "No numbers came with it.");
  return h(
    "dl",
    { class: "facts" },
    names.map((name) =>
      h(
        "div",
        null,
        h("dt", null, name),
        h(
          "dd",
          null,
          typeof values[name] === "number"
            ? plain(values[name], Math.abs(values[name]) >= 100 ? 0 : 3)
            : String(values[name]),
        ),
      ),
    ),
  );
}
