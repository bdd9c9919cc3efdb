// A part of the page that asks for something, shows it, and says so when that does not work.

import { failed, loading } from "./parts.js";
import { replace } from "./dom.js";

const AGAIN_MS = 15000;
// The service, or what stands before it, cannot answer now: what is shown is still the best that is known.
const passes = ({ status }) => status === 0 || status === 429 || status >= 500;

// `load(signal)` asks, `show(found)` gives what is drawn. `reload` keeps what is there until it has the new.
export function loaded(element, what, context, load, show) {
  let shown = false;
  let asking = null;
  let timer = null;
  context.signal.addEventListener("abort", () => clearTimeout(timer));
  const run = () => go(false);
  const go = async (quietly) => {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    if (!shown && !quietly) replace(element, loading(what));
    try {
      const found = await load(AbortSignal.any([mine.signal, context.signal]));
      if (mine.signal.aborted || context.signal.aborted) return;
      keepPlace(element, () => replace(element, show(found)));
      shown = true;
      element.removeAttribute("data-old");
    } catch (error) {
      if (mine.signal.aborted || context.signal.aborted || error.name === "AbortError") return;
      if (passes(error)) timer = setTimeout(() => go(true), AGAIN_MS);
      if (shown && passes(error)) element.setAttribute("data-old", "");
      else {
        keepPlace(element, () => replace(element, failed(error, run)));
        shown = false;
      }
      if (!(error.status >= 0)) console.error(error);
    }
  };
  context.onBack(run);
  run();
  return run;
}

// As `loaded`, for what holds views that ask again by themselves: once it is shown it stays.
export function loadedOnce(element, what, context, load, show) {
  let there = false;
  const onBack = (run) => context.onBack(() => there || run());
  return loaded(element, what, { ...context, onBack }, load, (found) => {
    const made = show(found);
    there = true;
    return made;
  });
}

// Calls soon, once, however often it is asked to. `waitMs`: a number, or what gives one.
export function soon(run, waitMs, signal) {
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    timer ??= setTimeout(
      () => {
        timer = null;
        run();
      },
      typeof waitMs === "function" ? waitMs() : waitMs,
    );
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
  const still = places?.active.isConnected ? places.active : null;
  const found = still ?? twin(element, places?.active) ?? places?.reduce(stepped, element);
  if (found && found !== element && found !== document.activeElement) found.focus({ preventScroll: true });
}

const stepped = (at, [number, name]) => {
  const child = at?.children[number];
  return child?.tagName === name ? child : null;
};

// A link is known by where it leads, wherever it stands now; where it is gone, nothing takes its focus.
function twin(element, active) {
  const path = active?.getAttribute("href");
  if (!path) return undefined;
  return [...element.querySelectorAll("a")].find((one) => one.getAttribute("href") === path) ?? element;
}

function placesTo(element, active) {
  if (!active || active === element || !element.contains(active)) return null;
  const places = [];
  for (let at = active; at !== element; at = at.parentElement) {
    places.unshift([[...at.parentElement.children].indexOf(at), at.tagName]);
  }
  return Object.assign(places, { active });
}

export function every(run, periodMs, signal) {
  const timer = setInterval(() => {
    if (!document.hidden) run();
  }, periodMs);
  signal.addEventListener("abort", () => clearInterval(timer));
}
