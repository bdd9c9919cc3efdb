// Lying bars: names on the left, lengths in parts, the sum at the end.

import { s } from "../lib/dom.js";
import { drawing } from "./frame.js";
import { linear } from "./scale.js";

const ROW = 30;

// `rows`: [{ name, parts: [{ kind, value }], text }]
export function bars(width, { title, rows }) {
  const left = Math.min(170, width * 0.34);
  const height = rows.length * ROW + 8;
  const svg = drawing(width, height, title, "bars");
  const longest = Math.max(
    1e-9,
    ...rows.map((row) => row.parts.reduce((sum, one) => sum + Math.max(one.value, 0), 0)),
  );
  const x = linear([0, longest], [left, width - 92]);
  rows.forEach((row, place) => {
    const top = place * ROW + 6;
    let from = 0;
    svg.append(
      s("text", { class: "name", x: left - 8, y: top + 14, "text-anchor": "end" }, cut(row.name, left)),
    );
    for (const { kind, value } of row.parts) {
      if (value <= 0) continue;
      svg.append(
        s("rect", {
          class: `bar ${kind}`,
          x: x(from),
          y: top,
          width: Math.max(x(from + value) - x(from), 1),
          height: 18,
        }),
      );
      from += value;
    }
    svg.append(s("text", { class: "tick", x: x(from) + 6, y: top + 14 }, row.text));
  });
  return svg;
}

const cut = (text, room) => (text.length * 7 > room ? `${text.slice(0, Math.floor(room / 7) - 1)}…` : text);
