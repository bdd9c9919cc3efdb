// Times and ages for people: in the plant's own zone where it is known, in the browser's, or in UTC.

import { pref } from "./prefs.js";
import { NONE } from "./units.js";

const formats = new Map();

function format(zone, parts) {
  const name = `${zone} ${JSON.stringify(parts)}`;
  if (!formats.has(name)) {
    formats.set(name, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...parts }));
  }
  return formats.get(name);
}

const own = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

function known(zone) {
  try {
    format(zone, {});
    return true;
  } catch {
    return false; // the registry has a name that this browser does not know
  }
}

export function zoneOf(plant) {
  if (pref("times") === "utc") return "UTC";
  return plant?.timezone && known(plant.timezone) ? plant.timezone : own;
}

export const zoneName = (plant) => {
  const zone = zoneOf(plant);
  if (zone === "UTC") return "UTC";
  return plant?.timezone === zone ? `local time, ${zone}` : `your time, ${zone}`;
};

// For days that are counted in UTC wherever the plant is: in its zone they would begin the day before.
export const UTC_DAYS = { timezone: "UTC" };

// Where plants of many zones stand in one list.
export const zonesName = () =>
  pref("times") === "utc" ? "UTC" : `each plant's local time, else ${zoneName(null)}`;

const DAY = { day: "numeric", month: "short" };
const CLOCK = { hour: "2-digit", minute: "2-digit" };

export const clock = (at, plant) => format(zoneOf(plant), CLOCK).format(new Date(at));
export const day = (at, plant) => format(zoneOf(plant), DAY).format(new Date(at));
export const dayOfYear = (at, plant) =>
  format(zoneOf(plant), { ...DAY, year: "numeric" }).format(new Date(at));

export function moment(at, plant) {
  if (!at) return NONE;
  const far = Math.abs(Date.now() - new Date(at)) > 200 * 86400000;
  return format(zoneOf(plant), { ...DAY, ...CLOCK, ...(far ? { year: "numeric" } : {}) }).format(
    new Date(at),
  );
}

// Month, day, hour and minute, as numbers.
export function localParts(at, plant) {
  const parts = format(zoneOf(plant), { month: "numeric", day: "numeric", ...CLOCK }).formatToParts(at);
  return Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
}

export function span(seconds) {
  const size = Math.abs(seconds);
  if (size < 120) return `${Math.round(size)} s`;
  if (size < 7200) return `${Math.round(size / 60)} min`;
  if (size < 172800) return `${Math.round(size / 3600)} h`;
  if (size < 86400 * 730) return `${Math.round(size / 86400)} d`;
  return `${Math.round(size / 86400 / 365)} years`;
}

export const seconds = (from, to = Date.now()) => (new Date(to) - new Date(from)) / 1000;

export function ago(at) {
  if (!at) return NONE;
  const age = seconds(at);
  return age < -90 ? `in ${span(age)}` : `${span(Math.max(age, 0))} ago`;
}

export const lasted = (from, to) => span(seconds(from, to ?? Date.now()));
