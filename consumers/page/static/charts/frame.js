// What charts share: the drawing of one width, axes with their units, lines that miss values.

import { s } from "../lib/dom.js";
import { plain } from "../lib/units.js";
import { linear, ticks, timeTicks } from "./scale.js";

export const MARGIN = { top: 18, right: 12, bottom: 30, left: 52 };

export function drawing(width, height, title, kind) {
  return s("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": title,
    class: `chart ${kind}`,
  });
}

export function within(width, height, margin = MARGIN) {
  return { left: margin.left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
}

// The upright axis on the left, its unit above it.
export function valueAxis(svg, box, [from, to], unit) {
  const marks = ticks(from, to, Math.max(3, Math.round((box.bottom - box.top) / 48)));
  const y = linear([from, to], [box.bottom, box.top]);
  for (const value of marks.values) {
    svg.append(
      s("line", {
        class: value === 0 ? "axis" : "grid",
        x1: box.left,
        x2: box.right,
        y1: y(value),
        y2: y(value),
      }),
      s(
        "text",
        { class: "tick", x: box.left - 6, y: y(value) + 4, "text-anchor": "end" },
        plain(value, Math.min(marks.digits, 3)),
      ),
    );
  }
  svg.append(s("text", { class: "unit", x: box.left - 6, y: box.top - 7, "text-anchor": "end" }, unit));
  return y;
}

export function timeAxis(svg, box, [fromMs, toMs], plant) {
  const x = linear([fromMs, toMs], [box.left, box.right]);
  const wanted = Math.max(3, Math.floor((box.right - box.left) / 64));
  for (const { at, text, strong } of timeTicks(fromMs, toMs, wanted, plant)) {
    svg.append(
      s("line", {
        class: strong ? "grid strong" : "grid",
        x1: x(at),
        x2: x(at),
        y1: box.top,
        y2: box.bottom,
      }),
      s(
        "text",
        { class: strong ? "tick strong" : "tick", x: x(at), y: box.bottom + 17, "text-anchor": "middle" },
        text,
      ),
    );
  }
  return x;
}

// Names at equal distances, as lead times are.
export function nameAxis(svg, box, names, unit) {
  const step = (box.right - box.left) / names.length;
  const x = (place) => box.left + (place + 0.5) * step;
  names.forEach((name, place) =>
    svg.append(s("text", { class: "tick", x: x(place), y: box.bottom + 17, "text-anchor": "middle" }, name)),
  );
  if (unit)
    svg.append(s("text", { class: "unit", x: box.right, y: box.bottom + 29, "text-anchor": "end" }, unit));
  return Object.assign(x, { step });
}

const present = (value) => value !== null && value !== undefined && !Number.isNaN(value);

// Points [x, y] to a path; where y is missing the line breaks.
export function path(points) {
  let pen = "M";
  let text = "";
  for (const [x, y] of points) {
    if (present(y)) text += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = present(y) ? "L" : "M";
  }
  return text;
}

// The area between two lines, in pieces where one of them is missing.
export function area(points) {
  const pieces = [[]];
  for (const point of points) {
    if (present(point[1]) && present(point[2])) pieces.at(-1).push(point);
    else if (pieces.at(-1).length) pieces.push([]);
  }
  return pieces
    .filter((one) => one.length > 1)
    .map((piece) => {
      const there = piece.map(([x, low]) => `${x.toFixed(1)} ${low.toFixed(1)}`);
      const back = piece.toReversed().map(([x, , high]) => `${x.toFixed(1)} ${high.toFixed(1)}`);
      return `M${there.join("L")}L${back.join("L")}Z`;
    })
    .join("");
}
