// A chart with its title, its legend, and the same numbers as a table. It is drawn anew when its room changes.

import { h, newId } from "../lib/dom.js";

// `draw(width)` gives the drawing; `table` has `columns` (names) and `rows()`, made when they are wanted.
export function figure({ title, note, legend = [], draw, table, controls }) {
  const id = newId("figure");
  const room = h("div", { class: "room" });
  const details = h("details", { class: "numbers" }, h("summary", null, "The same as a table"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(tableOf(title, table));
  });
  let width = 0;
  const redraw = () => {
    if (width) room.replaceChildren(draw(width));
  };
  const seen = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width || !now) return;
    width = now;
    redraw();
  });
  seen.observe(room);
  const element = h(
    "figure",
    { class: "figure", "aria-labelledby": id },
    h("figcaption", { id }, h("strong", null, title), note ? h("span", { class: "note" }, note) : null),
    legend.length
      ? h(
          "ul",
          { class: "legend", "aria-label": "Legend" },
          legend.map(([kind, text]) =>
            h("li", null, h("span", { class: `key ${kind}`, "aria-hidden": "true" }), text),
          ),
        )
      : null,
    room,
    controls ?? null,
    table ? details : null,
  );
  return { element, redraw };
}

export function tableOf(caption, { columns, rows }) {
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `${caption}: table` },
    h(
      "table",
      { class: "plain" },
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          columns.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        null,
        rows().map((row) =>
          h(
            "tr",
            null,
            row.map((cell, place) => (place === 0 ? h("th", { scope: "row" }, cell) : h("td", null, cell))),
          ),
        ),
      ),
    ),
  );
}
