// Lines over time or over names (lead times), each with its own dash or mark, so that colour is not alone.

import { s } from "../lib/dom.js";
import { drawing, nameAxis, path, timeAxis, valueAxis, within } from "./frame.js";

// `lines`: [{ kind, points: [[place or ms, value]] }]; `names` or `times` [from, to] for the axis below;
// `area`: [from, to] of a shaded range of values.
export function lines(
  width,
  { title, lines: all, unit, names, nameUnit, times, plant, range, area, height = 240 },
) {
  const svg = drawing(width, height, title, "lines");
  const box = within(width, height, { top: 18, right: 12, bottom: names && nameUnit ? 40 : 30, left: 52 });
  const values = all
    .flatMap((line) => line.points.map(([, value]) => value))
    .filter((one) => one !== null && one !== undefined);
  const extent = range ?? [Math.min(0, ...values), Math.max(...values, 1e-9) * 1.06];
  if (area) {
    const y = (value) =>
      box.bottom - ((value - extent[0]) / (extent[1] - extent[0])) * (box.bottom - box.top);
    svg.append(
      s("rect", {
        class: "good",
        x: box.left,
        width: box.right - box.left,
        y: y(area[1]),
        height: y(area[0]) - y(area[1]),
      }),
    );
  }
  const y = valueAxis(svg, box, extent, unit);
  const x = names ? nameAxis(svg, box, names, nameUnit) : timeAxis(svg, box, times, plant);
  for (const { kind, points, marks } of all) {
    const placed = points.map(([at, value]) => [
      x(at),
      value === null || value === undefined ? null : y(value),
    ]);
    svg.append(s("path", { class: `line ${kind}`, d: path(placed) }));
    if (marks) {
      for (const [cx, cy] of placed)
        if (cy !== null) svg.append(s("circle", { class: `mark ${kind}`, cx, cy, r: 3.2 }));
    }
  }
  return svg;
}
