// What people were told, and who has taken it up. Open events that nobody was told of stand below.

import { ask, post } from "../lib/api.js";
import { h, linkTo, plantPath } from "../lib/dom.js";
import { badge, choice, failed, heading, listing, section, severity, time } from "../lib/parts.js";
import { zonesName } from "../lib/times.js";
import { energy } from "../lib/units.js";
import { every, loaded, soon } from "../lib/view.js";
import { evidence } from "./event.js";
import { eventList, isOpen, nameOf } from "./event_list.js";
import { zones } from "./zones.js";

const MOST = 500;

const STATES = [
  ["raised", "that are not over"],
  ["", "of all times"],
];

export function show(main, context) {
  const state = { state: "raised" };
  const body = h("div");
  main.append(
    heading("Alerts"),
    h(
      "div",
      { class: "controls" },
      choice("Alerts", STATES, state.state, (value) => {
        state.state = value;
        reload();
      }),
    ),
    body,
  );
  const plantsOf = zones();
  // Nothing is drawn anew over a note that somebody is writing; what came meanwhile is drawn after it.
  const writing = () => body.querySelector("form") !== null;
  const onBack = (run) => context.onBack(() => writing() || run());
  const reload = loaded(
    body,
    "the alerts",
    { ...context, onBack },
    async (signal) => {
      const [alerts, events] = await Promise.all([
        ask("/v1/alerts", { state: state.state, limit: MOST }, signal),
        ask("/v1/events", { open: true, limit: MOST }, signal),
      ]);
      const plants = await plantsOf(
        [...alerts.data, ...events.data].map((one) => one.plant_id),
        signal,
      );
      return { alerts, events, plants };
    },
    ({ alerts, events, plants }) => [
      h("p", { class: "muted" }, `Times: ${zonesName()}.`),
      section(
        `Told (${many(alerts)})`,
        alertList(alerts.data, plants, reloadIdle),
        rest(alerts, "/v1/alerts"),
      ),
      section(
        `Open events (${many(events)})`,
        h("p", { class: "muted" }, "All that detectors see now, whether a rule tells of it or not."),
        eventList(events.data.filter(isOpen), { plants, none: "Nothing is wrong that a detector sees." }),
        rest(events, "/v1/events?open=true"),
      ),
    ],
  );
  const reloadIdle = () => {
    if (!writing()) reload();
  };
  const reloadSoon = soon(reloadIdle, 1500, context.signal);
  context.on("alert", reloadSoon);
  context.on("drift", reloadSoon);
  every(reloadIdle, 30000, context.signal);
}

const many = ({ data, next }) => `${data.length}${next ? " and more" : ""}`;
const rest = ({ next }, path) =>
  next ? h("p", { class: "muted" }, `The newest ${MOST}; the API has them all at ${path}.`) : null;

const alertList = (rows, plants, reload) =>
  listing({
    caption: "Alerts",
    rows,
    kind: "events",
    none: "Nobody was told of anything that is not over. `gridcast alerts` tells; without it this list stays empty.",
    columns: [
      {
        name: "Alert",
        of: (one) => [h("b", { class: "name" }, nameOf(one.kind)), h("small", null, one.message)],
      },
      { name: "Where", of: where },
      { name: "Severity", of: (one) => severity(one.severity) },
      {
        name: "State",
        of: (one) => (one.state === "raised" ? badge("warning", "◔", "raised") : badge("good", "✓", "over")),
      },
      { name: "Told", of: (one) => time(one.raised_at, plants.get(one.plant_id)) },
      { name: "At stake", of: (one) => energy(one.energy_kwh), number: true },
      {
        name: "Evidence",
        of: (one) =>
          Object.keys(one.evidence).length
            ? h("details", null, h("summary", null, "numbers"), evidence(one.evidence))
            : "–",
      },
      { name: "Taken up", of: (one) => taken(one, reload) },
    ],
  });

function where(one) {
  if (!one.plant_id) return h("span", null, one.subject || "the stream");
  return [
    linkTo(plantPath(one.plant_id, "events"), one.plant_id),
    one.unit_id ? h("small", null, one.unit_id) : null,
  ];
}

function taken(one, reload) {
  if (one.acked_at)
    return [badge("good", "✓", `by ${one.acked_by}`), one.ack_note ? h("small", null, one.ack_note) : null];
  if (one.state !== "raised") return h("span", { class: "muted" }, "by nobody");
  const cell = h("div", { class: "ack" });
  const begin = h(
    "button",
    {
      type: "button",
      onclick: () => {
        cell.replaceChildren(form(one, cell, begin, reload));
        cell.querySelector("input").focus();
      },
    },
    "Take up",
    h("span", { class: "unseen" }, ` ${nameOf(one.kind)} at ${one.plant_id || one.subject}`),
  );
  cell.append(begin);
  return cell;
}

function form(one, cell, begin, reload) {
  const note = h("input", {
    type: "text",
    maxlength: 500,
    placeholder: "crew is on site",
    "aria-label": `Note for ${nameOf(one.kind)} at ${one.plant_id || one.subject}`,
  });
  const back = () => {
    cell.replaceChildren(begin);
    begin.focus();
  };
  return h(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          await post(`/v1/alerts/${encodeURIComponent(one.alert_id)}/acknowledge`, { note: note.value });
          cell.replaceChildren(badge("good", "✓", "by you"), h("small", null, note.value));
          reload();
        } catch (refusal) {
          cell.replaceChildren(failed(refusal, back));
        }
      },
      onkeydown: (event) => {
        if (event.key === "Escape") back();
      },
    },
    note,
    h("button", { type: "submit" }, "Save"),
    h("button", { type: "button", onclick: back }, "Cancel"),
  );
}
