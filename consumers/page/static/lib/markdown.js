// The Markdown of model cards to elements: headings, paragraphs, lists, tables, code, bold. Text stays text.

import { h } from "./dom.js";

export function markdown(text) {
  const lines = text.split("\n");
  const made = [];
  let at = 0;
  const taken = (fits) => {
    const found = [];
    while (at < lines.length && fits(lines[at])) found.push(lines[at++]);
    return found;
  };
  while (at < lines.length) {
    const line = lines[at];
    const head = /^(#{1,4}) (.*)$/.exec(line);
    if (!line.trim()) at++;
    else if (head) {
      at++;
      made.push(h(`h${Math.min(head[1].length + 1, 5)}`, null, inline(head[2])));
    } else if (line.startsWith("```")) {
      at++;
      const code = taken((one) => !one.startsWith("```"));
      at++;
      made.push(h("pre", { tabindex: "0", role: "region", "aria-label": "Code" }, code.join("\n")));
    } else if (line.startsWith("|")) made.push(table(taken((one) => one.startsWith("|"))));
    else if (/^[-*] /.test(line)) made.push(h("ul", null, items(taken((one) => /^([-*] | {2,})/.test(one)))));
    else
      made.push(
        h(
          "p",
          null,
          inline(taken((one) => one.trim() && !/^(#|```|\||[-*] )/.test(one)).join(" ") || lines[at++]),
        ),
      );
  }
  return made;
}

function items(lines) {
  const found = [];
  for (const line of lines) {
    if (/^[-*] /.test(line)) found.push(line.slice(2));
    else found[found.length - 1] += ` ${line.trim()}`;
  }
  return found.map((one) => h("li", null, inline(one)));
}

function table(lines) {
  const cells = (line) =>
    line
      .replace(/^\||\|\s*$/g, "")
      .split("|")
      .map((one) => one.trim());
  const [head, rule, ...rest] = lines;
  const body = rule && /^[\s|:-]+$/.test(rule) ? rest : lines.slice(1);
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `Table: ${cells(head).join(", ")}` },
    h(
      "table",
      { class: "plain" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          cells(head).map((one) => (one ? h("th", { scope: "col" }, inline(one)) : h("td", null, ""))),
        ),
      ),
      h(
        "tbody",
        null,
        body.map((line) =>
          h(
            "tr",
            null,
            cells(line).map((one) => h("td", null, inline(one))),
          ),
        ),
      ),
    ),
  );
}

// Bold and code; a link is shown as its text, for a card's links lead into the repository.
function inline(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (/^\*\*.+\*\*$/.test(part)) return h("strong", null, part.slice(2, -2));
    if (/^`.+`$/.test(part)) return h("code", null, part.slice(1, -1));
    return /^\[[^\]]+\]\(/.test(part) ? part.replace(/^\[([^\]]+)\].*$/, "$1") : part;
  });
}
