// The end of what is known of a plant: ranges are counted back from there, whatever year it lives in.

import { ask } from "../lib/api.js";

export async function newestTelemetry(plantId, signal) {
  try {
    const path = `/v1/plants/${encodeURIComponent(plantId)}/forecasts/latest`;
    const newest = await ask(path, { horizons: "1h" }, signal);
    return newest.telemetry_at ?? newest.issued_at;
  } catch (error) {
    if (error.status === 404) return new Date().toISOString(); // it has no forecast yet
    throw error;
  }
}
