// What the API tells of plants, forecasts, trust and events, joined to one row a plant. Pure.

const WORST = { critical: 3, warning: 2, info: 1 };

export function joined(plants, outlooks, quality, events) {
  const outlook = new Map(outlooks.map((one) => [one.plant_id, one]));
  const trust = new Map(quality.map((one) => [one.plant_id, one]));
  const open = Map.groupBy ? Map.groupBy(events, (one) => one.plant_id) : grouped(events);
  return plants.map((plant) =>
    row(plant, outlook.get(plant.plant_id), trust.get(plant.plant_id), open.get(plant.plant_id) ?? []),
  );
}

function grouped(events) {
  const found = new Map();
  for (const one of events) found.set(one.plant_id, [...(found.get(one.plant_id) ?? []), one]);
  return found;
}

function row(plant, outlook, quality, events) {
  return {
    id: plant.plant_id,
    plant,
    outlook,
    quality: quality ?? { trusted: false, why_not: "nothing is known of it yet" },
    events,
    worst: Math.max(0, ...events.map((one) => WORST[one.severity] ?? 0)),
  };
}

// Nobody learns anything from what was issued before what is shown: it was read again after a gap.
export const isNews = (forecast, outlook) =>
  !outlook || Date.parse(forecast.issued_at) >= Date.parse(outlook.issued_at);

// The outlook's few steps out of a live forecast with all of them, at the lead times of the one before.
export function outlookOf(forecast, before) {
  const issued = Date.parse(forecast.issued_at);
  const all = forecast.steps.map((step) => ({ ...step, at: Date.parse(step.valid_at) }));
  const leads = before?.steps.map((step) => Date.parse(step.valid_at) - Date.parse(before.issued_at)) ?? [
    3600000, 21600000,
  ];
  const steps = leads.map((lead) => all.find((step) => step.at >= issued + lead)).filter(Boolean);
  return {
    plant_id: forecast.plant_id,
    issued_at: forecast.issued_at,
    model: forecast.model,
    version: forecast.version,
    capacity_kw: forecast.capacity_kw,
    telemetry_at: forecast.telemetry_at,
    measured_kw: before?.measured_kw ?? null,
    steps: steps.map((step) => ({
      valid_at: step.valid_at,
      interval_s: step.interval_s,
      rung: step.rung,
      p10_kw: step.power_kw["0.1"] ?? null,
      p50_kw: step.power_kw["0.5"] ?? null,
      p90_kw: step.power_kw["0.9"] ?? null,
    })),
  };
}

const HOUR_MS = 3600000;

// The first step that is not over by now; none where the whole forecast is, or where that is hours away.
export function nextStep(outlook) {
  const now = Date.now();
  const step = outlook?.steps.find((one) => Date.parse(one.valid_at) > now);
  return step && Date.parse(step.valid_at) - step.interval_s * 1000 <= now + HOUR_MS ? step : null;
}

// The step that ends nearest to so many hours from now, no matter when it was issued.
export function stepIn(outlook, hours) {
  const at = Date.now() + hours * HOUR_MS;
  const off = (step) => Math.abs(Date.parse(step.valid_at) - at);
  const near = (outlook?.steps ?? []).filter((step) => off(step) <= 2 * HOUR_MS);
  return near.toSorted((a, b) => off(a) - off(b))[0] ?? null;
}

export const FILTERS = [
  { id: "all", name: "all plants", fits: () => true },
  { id: "doubtful", name: "doubtful ones", fits: (one) => !one.quality.trusted },
  { id: "events", name: "with open events", fits: (one) => one.events.length > 0 },
  { id: "wind", name: "wind farms", fits: (one) => one.plant.kind === "wind" },
  { id: "solar", name: "solar parks", fits: (one) => one.plant.kind === "solar" },
];

const load = (one) => {
  const step = nextStep(one.outlook);
  return step?.p50_kw === undefined || step?.p50_kw === null ? -1 : step.p50_kw / one.plant.capacity_kw;
};
const byName = (a, b) => a.id.localeCompare(b.id, "en", { numeric: true });

export const ORDERS = [
  {
    id: "doubt",
    name: "what needs a look",
    by: (a, b) => b.worst - a.worst || a.quality.trusted - b.quality.trusted || byName(a, b),
  },
  { id: "name", name: "name", by: byName },
  {
    id: "capacity",
    name: "capacity",
    by: (a, b) => b.plant.capacity_kw - a.plant.capacity_kw || byName(a, b),
  },
  { id: "load", name: "share of capacity", by: (a, b) => load(b) - load(a) || byName(a, b) },
  {
    id: "age",
    name: "oldest forecast",
    by: (a, b) => (a.outlook?.issued_at ?? "").localeCompare(b.outlook?.issued_at ?? "") || byName(a, b),
  },
];

export function matching(rows, { text, filter }) {
  const { fits } = FILTERS.find((one) => one.id === filter);
  const wanted = text.trim().toLowerCase();
  return rows.filter((one) => fits(one) && one.id.toLowerCase().includes(wanted));
}

export const ordered = (rows, order) => rows.toSorted(ORDERS.find((one) => one.id === order).by);
