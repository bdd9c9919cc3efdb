// The fleet in a few numbers.

import { card, cards } from "../lib/parts.js";
import { count, power, share } from "../lib/units.js";
import { nextStep, stepIn } from "./fleet_rows.js";

const sum = (values) => values.reduce((all, one) => all + one, 0);

export function summary(rows) {
  const capacity = sum(rows.map((one) => one.plant.capacity_kw));
  const next = total(rows, nextStep);
  const later = total(rows, (outlook) => stepIn(outlook, 6));
  const doubtful = rows.filter((one) => !one.quality.trusted).length;
  const events = rows.flatMap((one) => one.events);
  const critical = events.filter((one) => one.severity === "critical").length;
  const silent = rows.filter((one) => (one.quality.telemetry_quality ?? 0) < 0.8).length;
  return cards(
    card("Capacity", power(capacity, capacity), count(rows.length, "plant")),
    card(
      "Next interval",
      power(next.kw, capacity),
      next.share === null ? next.of : `${next.of} · ${share(next.share)} of their capacity`,
      next.short,
    ),
    card("In 6 h", power(later.kw, capacity), later.of, later.short),
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

// Of the plants whose forecast reaches there: the others' capacity is no part of it, and they are told of.
function total(rows, stepOf) {
  const known = rows
    .map((one) => ({ kw: stepOf(one.outlook)?.p50_kw ?? null, capacity: one.plant.capacity_kw }))
    .filter(({ kw }) => kw !== null);
  const kw = known.length ? sum(known.map((one) => one.kw)) : null;
  const short = known.length < rows.length;
  return {
    kw,
    share: kw === null ? null : kw / sum(known.map((one) => one.capacity)),
    of: short
      ? `sum of medians of ${known.length} of ${count(rows.length, "plant")}: the others have none for then`
      : `sum of medians of ${count(known.length, "plant")}`,
    short: short ? "warning" : "",
  };
}
