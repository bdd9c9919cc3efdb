// Plants by name, for lists of many that tell each time in the zone of its plant. Asked for again only where
// a plant is named that was not there.

import { askAll } from "../lib/api.js";

export function zones() {
  let plants = new Map();
  return async (names, signal) => {
    if ([...names].some((one) => one && !plants.has(one))) {
      const found = await askAll("/v1/plants", {}, signal);
      plants = new Map(found.map((one) => [one.plant_id, one]));
    }
    return plants;
  };
}
