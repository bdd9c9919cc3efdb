// The fleet at a glance: every plant in a line, sorted and filtered here, kept new by the live stream.

import { ask, askAll } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { choice, empty, heading } from "../lib/parts.js";
import { count } from "../lib/units.js";
import { every, keepPlace, loaded, soon } from "../lib/view.js";
import { takeOver } from "../lib/rows.js";
import { FILTERS, ORDERS, isNews, joined, matching, ordered, outlookOf } from "./fleet_rows.js";
import { summary } from "./fleet_summary.js";
import { table } from "./fleet_table.js";

const HORIZONS = "15min,30min,45min,1h,2h,3h,4h,6h,9h,12h,15h,18h,24h";
const AT_ONCE = 60;
const AGAIN_MS = 60000;
const NO_MATCH = "No plant is like that. Change the filter or the text.";
const NO_PLANTS =
  "There are no plants yet. `gridcast plants add` and `gridcast publish` bring them, where a worker and a sink run.";

export function show(main, context) {
  const state = { text: context.query.get("q") ?? "", filter: "all", order: "doubt", shown: AT_ONCE };
  const body = h("div", { class: "fleet" });
  main.append(heading("Fleet"), body);
  let rows = [];

  const top = h("div");
  const list = h("div");
  const more = h("button", { type: "button", class: "more", onclick: () => showMore() });
  const found = h("p", { class: "muted found" });
  const draw = () => {
    const wanted = ordered(matching(rows, state), state.order);
    const part = wanted.slice(0, state.shown);
    replace(top, summary(rows));
    found.textContent = `${count(wanted.length, "plant")}${wanted.length < rows.length ? ` of ${rows.length}` : ""}`;
    const there = list.querySelector("table");
    if (part.length && there) takeOver(there, table(part));
    else replace(list, part.length ? table(part) : empty(rows.length ? NO_MATCH : NO_PLANTS));
    more.hidden = wanted.length === part.length;
    more.textContent = `Show ${Math.min(AT_ONCE, wanted.length - part.length)} more`;
  };
  const showMore = () => {
    const first = state.shown;
    state.shown += AT_ONCE;
    draw();
    list.querySelectorAll("tbody tr")[first]?.querySelector("a").focus();
  };
  const change = (name) => (value) => {
    state[name] = value;
    state.shown = AT_ONCE;
    draw();
  };
  const filter = controls(state, change);

  const reload = loaded(
    body,
    "the fleet",
    context,
    async (signal) => {
      const [plants, outlooks, quality, events] = await Promise.all([
        askAll("/v1/plants", {}, signal),
        askAll("/v1/forecasts/latest", { horizons: HORIZONS }, signal),
        ask("/v1/quality", {}, signal),
        askAll("/v1/events", { open: true }, signal),
      ]);
      rows = joined(plants, outlooks, quality.data, events);
      return rows;
    },
    () => {
      draw();
      return [top, filter, found, list, more];
    },
  );

  const redrawSoon = soon(
    () => {
      if (list.isConnected) keepPlace(list, draw);
    },
    1000,
    context.signal,
  );
  // The more plants, the more often one of them has something new, and the more it costs to ask.
  const reloadSoon = soon(reload, () => 3000 + 30 * rows.length, context.signal);
  context.on("forecast", (forecast) => {
    const row = rows.find((one) => one.id === forecast.plant_id);
    if (!row) return reloadSoon();
    if (!isNews(forecast, row.outlook)) return undefined;
    row.outlook = outlookOf(forecast, row.outlook);
    redrawSoon();
    return reloadSoon();
  });
  context.on("alert", reloadSoon);
  every(
    () => {
      redrawSoon(); // what is next moves on, whether the service answers or not
      reload();
    },
    AGAIN_MS,
    context.signal,
  );
}

function controls(state, change) {
  const search = h("input", {
    type: "search",
    value: state.text,
    placeholder: "north-1",
    autocomplete: "off",
    oninput: (event) => change("text")(event.target.value),
  });
  return h(
    "div",
    { class: "controls", role: "search" },
    h("label", { class: "field" }, h("span", null, "Find a plant"), search),
    choice(
      "Show",
      FILTERS.map(({ id, name }) => [id, name]),
      state.filter,
      change("filter"),
    ),
    choice(
      "Order by",
      ORDERS.map(({ id, name }) => [id, name]),
      state.order,
      change("order"),
    ),
  );
}
