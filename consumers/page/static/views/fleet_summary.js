// The fleet in a few numbers.

import { card, cards } from "../lib/parts.js";
import { count, power, share } from "../lib/units.js";
import { stepAt } from "./fleet_rows.js";

const sum = (values) => values.reduce((all, one) => all + one, 0);

export function summary(rows) {
  const capacity = sum(rows.map((one) => one.plant.capacity_kw));
  const next = total(rows.map((one) => one.outlook?.steps[0]?.p50_kw));
  const later = total(rows.map((one) => stepAt(one.outlook, 6)?.p50_kw));
  const doubtful = rows.filter((one) => !one.quality.trusted).length;
  const events = rows.flatMap((one) => one.events);
  const critical = events.filter((one) => one.severity === "critical").length;
  const silent = rows.filter((one) => (one.quality.telemetry_quality ?? 0) < 0.8).length;
  return cards(
    card("Capacity", power(capacity, capacity), count(rows.length, "plant")),
    card(
      "Next interval",
      power(next.kw, capacity),
      `sum of medians of ${next.of} · ${share(capacity ? next.kw / capacity : null)} of capacity`,
    ),
    card("In 6 h", power(later.kw, capacity), `sum of medians of ${later.of}`),
    card(
      "Trusted now",
      `${rows.length - doubtful} of ${rows.length}`,
      doubtful ? "the list says why not" : "every forecast",
      doubtful ? "warning" : "good",
    ),
    card(
      "Open events",
      String(events.length),
      critical ? `${critical} critical` : "none critical",
      critical ? "critical" : "",
    ),
    card(
      "Telemetry",
      silent ? `${count(silent, "plant")} lacking` : "all good",
      "valid, on time, complete",
      silent ? "warning" : "good",
    ),
  );
}

function total(values) {
  const known = values.filter((one) => one !== null && one !== undefined);
  return { kw: known.length ? sum(known) : null, of: count(known.length, "plant") };
}
