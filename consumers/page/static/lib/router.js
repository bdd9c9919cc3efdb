// Places in the page: `#/plants/north-1/events` to a view and what is in its address.

const routes = [];

export function route(pattern, name, view) {
  const parts = pattern
    .split("/")
    .map((part) => (part.startsWith(":") ? `(?<${part.slice(1).replace("?", "")}>[^/]+)` : part));
  const text = parts
    .join("/")
    .replace(/\/(\(\?<\w+>\[\^\/\]\+\))$/, pattern.endsWith("?") ? "(?:/$1)?" : "/$1");
  routes.push({ match: new RegExp(`^${text}$`), name, view });
}

export function find(hash) {
  const [path, query = ""] = (hash.replace(/^#/, "") || "/").split("?");
  for (const { match, name, view } of routes) {
    const found = match.exec(path);
    if (!found) continue;
    return { name, view, given: decoded(found.groups ?? {}), query: new URLSearchParams(query), path };
  }
  return null;
}

function decoded(groups) {
  try {
    return Object.fromEntries(
      Object.entries(groups)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, decodeURIComponent(value)]),
    );
  } catch {
    return {}; // an address that somebody cut short
  }
}
