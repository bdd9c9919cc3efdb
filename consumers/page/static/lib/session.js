// The key: in this tab alone, gone when it closes, and sent to nobody but this API.

const NAME = "gridcast.key";
let held = null;

export function key() {
  try {
    return held ?? sessionStorage.getItem(NAME);
  } catch {
    return held;
  }
}

export function keep(value) {
  held = value;
  try {
    sessionStorage.setItem(NAME, value);
  } catch {
    // It is held until the page is loaded again.
  }
}

export function forget() {
  held = null;
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // There was nothing to remove.
  }
}
