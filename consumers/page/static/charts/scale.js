// Places of values on an axis, and where its ticks stand.

import { clock, day, localParts } from "../lib/times.js";

export function linear([from, to], [first, last]) {
  const width = to - from || 1;
  const scale = (value) => first + ((value - from) / width) * (last - first);
  scale.back = (place) => from + ((place - first) / (last - first || 1)) * width;
  return scale;
}

// Round numbers between two values, about `wanted` of them.
export function ticks(from, to, wanted = 5) {
  const width = to - from || 1;
  const size = 10 ** Math.floor(Math.log10(width / wanted));
  const off = (step) => Math.abs(width / step - wanted);
  const step = [1, 2, 5, 10]
    .map((one) => one * size)
    .reduce((best, one) => (off(one) < off(best) ? one : best));
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step * 1e-6; at += step) found.push(at);
  return {
    values: found.map((one) => (Math.abs(one) < step * 1e-6 ? 0 : one)),
    digits: Math.max(0, -Math.floor(Math.log10(step))),
  };
}

const HOUR_MS = 3600000;
const QUARTER_MS = 900000;
const STEPS_H = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336];

// Whole hours of the shown zone, which in some lie between those of UTC. The first one of a day is named by
// the day: where clocks are put forward at midnight it is 01:00.
export function timeTicks(fromMs, toMs, wanted, plant) {
  const step = STEPS_H.find((one) => (toMs - fromMs) / HOUR_MS / one <= wanted) ?? 672;
  const found = [];
  let before = localParts(fromMs - 1, plant);
  for (let at = Math.ceil(fromMs / QUARTER_MS) * QUARTER_MS; at <= toMs; at += QUARTER_MS) {
    const now = localParts(at, plant);
    const begins = now.minute === 0 && (now.day !== before.day || now.month !== before.month);
    if (now.minute === 0) before = now;
    if (step < 24 ? now.minute || (now.hour % step && !begins) : !begins) continue;
    if (step > 24 && found.length && at - found.at(-1).at < (step - 2) * HOUR_MS) continue;
    found.push({ at, text: begins ? day(at, plant) : clock(at, plant), strong: begins });
    if (step >= 24) at += 22 * HOUR_MS;
  }
  return found;
}
