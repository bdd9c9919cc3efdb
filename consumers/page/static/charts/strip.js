// Heat strips: one row for each unit, one cell for each interval, darker where there is more.

import { s } from "../lib/dom.js";
import { plain } from "../lib/units.js";
import { drawing, timeAxis } from "./frame.js";

const ROW = 24;

// `rows`: [{ name, cells: [{ from, to, share }], spans: [{ from, to, kind }] }]; share 0 to 1, null: nothing known.
export function strip(width, { title, rows, times, plant }) {
  const left = Math.min(110, width * 0.26);
  const height = rows.length * ROW + 40;
  const svg = drawing(width, height, title, "strip");
  const box = { left, right: width - 10, top: 6, bottom: rows.length * ROW + 8 };
  const x = timeAxis(svg, box, times, plant);
  rows.forEach((row, place) => {
    const top = place * ROW + 8;
    svg.append(s("text", { class: "name", x: left - 8, y: top + 14, "text-anchor": "end" }, row.name));
    for (const cell of row.cells) {
      const rect = s("rect", {
        class: cell.share === null ? "cell unknown" : "cell",
        x: x(cell.from),
        y: top,
        width: Math.max(x(cell.to) - x(cell.from) + 0.3, 0.5),
        height: ROW - 8,
        opacity: cell.share === null ? 1 : (0.08 + 0.92 * Math.min(Math.max(cell.share, 0), 1)).toFixed(3),
      });
      svg.append(rect);
    }
    for (const span of row.spans ?? []) {
      const from = Math.max(span.from, times[0]);
      const to = Math.min(span.to, times[1]);
      if (to <= from) continue;
      svg.append(
        s("rect", {
          class: `span ${span.kind}`,
          x: x(from),
          y: top + ROW - 8,
          width: Math.max(x(to) - x(from), 3),
          height: 4,
        }),
      );
    }
  });
  return svg;
}

export const shareText = (share) => (share === null ? "no value" : `${plain(100 * share)} %`);
