// Elements out of names, attributes and children. Text always becomes a text node, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const h = (name, attributes, ...children) =>
  filled(document.createElement(name), attributes, children);

export const s = (name, attributes, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(
    ...children.flat(3).filter((one) => one !== null && one !== undefined && one !== false),
  );
  return element;
}

let made = 0;
export const newId = (name) => `${name}-${++made}`;

export function linkTo(path, text, attributes) {
  return h("a", { href: path, ...attributes }, text);
}

export const plantPath = (plantId, section) =>
  `#/plants/${encodeURIComponent(plantId)}${section ? `/${section}` : ""}`;
