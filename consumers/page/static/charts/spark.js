// A forecast in the size of a word: the band from P10 to P90, the median, and what was measured.

import { s } from "../lib/dom.js";
import { area, path } from "./frame.js";

const WIDTH = 132;
const HEIGHT = 30;

// `steps`: the outlook's, `capacityKw` the top. It says nothing that the cells beside it do not.
export function spark(steps, capacityKw, measuredKw) {
  const svg = s("svg", {
    width: WIDTH,
    height: HEIGHT,
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "spark",
    "aria-hidden": "true",
  });
  if (!steps.length) return svg;
  const from = Date.parse(steps[0].valid_at);
  const width = Date.parse(steps.at(-1).valid_at) - from || 1;
  const x = (step) => 8 + ((Date.parse(step.valid_at) - from) / width) * (WIDTH - 10);
  const y = (kw) =>
    kw === null ? null : HEIGHT - 2 - Math.min(Math.max(kw, 0) / capacityKw, 1.05) * (HEIGHT - 5);
  svg.append(
    s("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT - 2, y2: HEIGHT - 2 }),
    s("path", { class: "band band1", d: area(steps.map((one) => [x(one), y(one.p10_kw), y(one.p90_kw)])) }),
    s("path", { class: "median", d: path(steps.map((one) => [x(one), y(one.p50_kw)])) }),
  );
  if (measuredKw !== null && measuredKw !== undefined) {
    svg.append(s("circle", { class: "dot", cx: 4, cy: y(measuredKw), r: 2.5 }));
  }
  return svg;
}
