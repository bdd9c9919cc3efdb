// Places of values on an axis, and where its ticks stand.

import { clock, day, hourOf } from "../lib/times.js";

export function linear([from, to], [first, last]) {
  const width = to - from || 1;
  const scale = (value) => first + ((value - from) / width) * (last - first);
  scale.back = (place) => from + ((place - first) / (last - first || 1)) * width;
  scale.domain = [from, to];
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
const STEPS_H = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336];

// Whole hours of the shown zone; the label of a midnight is its day.
export function timeTicks(fromMs, toMs, wanted, plant) {
  const step = STEPS_H.find((one) => (toMs - fromMs) / HOUR_MS / one <= wanted) ?? 672;
  const found = [];
  for (let at = Math.ceil(fromMs / HOUR_MS) * HOUR_MS; at <= toMs; at += HOUR_MS) {
    const hour = hourOf(at, plant);
    const fits = step < 24 ? hour % step === 0 : hour === 0;
    if (!fits) continue;
    if (step > 24 && found.length && at - found.at(-1).at < (step - 2) * HOUR_MS) continue;
    found.push({ at, text: hour === 0 ? day(at, plant) : clock(at, plant), strong: hour === 0 });
  }
  return found;
}
