// Pieces that views share: headings, badges, cards, states in plain words.

import { h } from "./dom.js";
import { ago, lasted, moment } from "./times.js";
import { plain } from "./units.js";

export const heading = (text, ...beside) =>
  h("div", { class: "head" }, h("h1", { tabindex: "-1" }, text), ...beside);

export const section = (title, ...children) =>
  h("section", { class: "panel" }, title ? h("h2", null, title) : null, ...children);

const SEVERITY = { critical: "▲", warning: "◆", info: "●" };

// A sign, a word and a colour: any one of them would do.
export const severity = (name, extra) =>
  h(
    "span",
    { class: `badge ${name}` },
    h("span", { "aria-hidden": "true" }, SEVERITY[name] ?? "●"),
    ` ${extra ?? name}`,
  );

export const badge = (kind, sign, text) =>
  h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, sign), ` ${text}`);

export const trust = (row) =>
  row.trusted ? badge("good", "✓", "trusted") : badge("warning", "!", "doubtful");

export function time(at, plant, { age = false } = {}) {
  if (!at) return h("span", { class: "muted" }, "never");
  return h("time", { datetime: at, title: at, "data-age": age }, age ? ago(at) : moment(at, plant));
}

// How long what is not over has lasted by now.
export const soFar = (from) =>
  h("time", { datetime: from, title: from, "data-so-far": true }, `${lasted(from)} so far`);

// Ages go on while nothing new comes: what says "17 min ago" an hour later would pass for fresh.
export function age() {
  for (const one of document.querySelectorAll("time[data-age]")) one.textContent = ago(one.dateTime);
  for (const one of document.querySelectorAll("time[data-so-far]"))
    one.textContent = `${lasted(one.dateTime)} so far`;
}

export const card = (label, value, detail, kind = "") =>
  h(
    "div",
    { class: `card ${kind}` },
    h("dt", null, label),
    h("dd", null, h("b", null, value), detail ? h("small", null, detail) : null),
  );

export const cards = (...all) => h("dl", { class: "cards" }, ...all);

export const empty = (text) => h("p", { class: "empty" }, text);
export const loading = (what) => h("p", { class: "empty loading" }, `Asking for ${what} …`);

export function failed(error, again) {
  return h(
    "div",
    { class: "failed" },
    h(
      "p",
      null,
      h("strong", null, error.status === 403 ? "This key may not do that. " : "That did not work. "),
      error.message ?? String(error),
    ),
    error.requestId
      ? h("p", { class: "muted" }, `Name this when you ask for help: ${error.requestId}`)
      : null,
    again ? h("button", { type: "button", onclick: again }, "Try again") : null,
  );
}

// A bar for a share, with its number beside it for everybody.
export function meter(value, text) {
  const shown = h("span", { class: "meter", "aria-hidden": "true" }, h("span", null));
  shown.firstChild.style.width = `${Math.min(Math.max(value ?? 0, 0), 1) * 100}%`;
  return h("span", { class: "metered" }, shown, h("span", null, text));
}

export function quality(value) {
  if (value === null || value === undefined) return h("span", { class: "muted" }, "not known");
  return value >= 0.8
    ? badge("good", "✓", plain(100 * value) + " %")
    : badge("warning", "!", plain(100 * value) + " %");
}

// `columns`: [{ name, of(row), number }]. A table that lies as cards on a phone.
// `id(row)` names a row for who takes over what has changed (`takeOver`).
export function listing({ caption, columns, rows, kind = "", none = "Nothing here.", id }) {
  if (!rows.length) return empty(none);
  return h(
    "table",
    { class: `list ${kind}`, role: "table" },
    h("caption", { class: "unseen" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((one) =>
          h("th", { scope: "col", role: "columnheader", class: one.number ? "number" : null }, one.name),
        ),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) =>
        h(
          "tr",
          { role: "row", "data-row": id?.(row) },
          columns.map((one) =>
            h(
              "td",
              { role: "cell", "data-label": one.name, class: one.number ? "number" : null },
              one.of(row),
            ),
          ),
        ),
      ),
    ),
  );
}

export const choice = (label, options, value, onchange) => {
  const select = h(
    "select",
    { onchange: (event) => onchange(event.target.value) },
    options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)),
  );
  return h("label", { class: "field" }, h("span", null, label), select);
};
