// A part of the page that asks for something, shows it, and says so when that does not work.

import { failed, loading } from "./parts.js";
import { replace } from "./dom.js";

// `load(signal)` asks, `show(found)` gives what is drawn. `reload` keeps what is there until it has the new.
export function loaded(element, what, context, load, show) {
  let shown = false;
  let asking = null;
  const run = async () => {
    asking?.abort();
    const mine = (asking = new AbortController());
    if (!shown) replace(element, loading(what));
    try {
      const found = await load(AbortSignal.any([mine.signal, context.signal]));
      if (mine.signal.aborted || context.signal.aborted) return;
      keepPlace(element, () => replace(element, show(found)));
      shown = true;
      element.removeAttribute("data-old");
    } catch (error) {
      if (mine.signal.aborted || context.signal.aborted || error.name === "AbortError") return;
      if (shown && error.status === 0) element.setAttribute("data-old", "");
      else {
        replace(element, failed(error, run));
        shown = false;
      }
      if (!(error.status >= 0)) console.error(error);
    }
  };
  context.onBack(run);
  run();
  return run;
}

// Calls soon, once, however often it is asked to. `waitMs`: a number, or what gives one.
export function soon(run, waitMs, signal) {
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      run();
    }, typeof waitMs === "function" ? waitMs() : waitMs);
  };
}

// Draws anew without taking away what somebody is at: the focus, and what was unfolded.
export function keepPlace(element, change) {
  const places = placesTo(element, document.activeElement);
  const unfolded = [...element.querySelectorAll("details")].map((one) => one.open);
  change();
  const details = element.querySelectorAll("details");
  unfolded.forEach((was, number) => {
    if (was && details[number]) details[number].open = true;
  });
  const found = places?.reduce((at, [number, name]) => {
    const child = at?.children[number];
    return child?.tagName === name ? child : null;
  }, element);
  if (found && found !== element && found !== document.activeElement) found.focus({ preventScroll: true });
}

function placesTo(element, active) {
  if (!active || active === element || !element.contains(active)) return null;
  const places = [];
  for (let at = active; at !== element; at = at.parentElement) {
    places.unshift([[...at.parentElement.children].indexOf(at), at.tagName]);
  }
  return places;
}

export function every(run, periodMs, signal) {
  const timer = setInterval(() => {
    if (!document.hidden) run();
  }, periodMs);
  signal.addEventListener("abort", () => clearInterval(timer));
}
