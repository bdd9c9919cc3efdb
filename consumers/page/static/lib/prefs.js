// What a person has chosen, kept in this browser. Nothing of it is a secret.

const known = { theme: ["auto", "light", "dark"], times: ["local", "utc"] };
const memory = {};
const listeners = new Set();

export function pref(name) {
  let value = memory[name];
  try {
    value ??= localStorage.getItem(`gridcast.${name}`);
  } catch {
    // Storage is shut: it is remembered until the page closes.
  }
  return known[name].includes(value) ? value : known[name][0];
}

export function setPref(name, value) {
  memory[name] = value;
  try {
    localStorage.setItem(`gridcast.${name}`, value);
  } catch {
    // As above.
  }
  if (name === "theme") {
    if (value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
  }
  for (const listener of listeners) listener(name, value);
}

export const onPref = (listener) => void listeners.add(listener);
