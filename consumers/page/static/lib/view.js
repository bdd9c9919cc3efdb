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
      replace(element, show(found));
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

// Calls soon, once, however often it is asked to.
export function soon(run, waitMs, signal) {
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      run();
    }, waitMs);
  };
}

export function every(run, periodMs, signal) {
  const timer = setInterval(() => {
    if (!document.hidden) run();
  }, periodMs);
  signal.addEventListener("abort", () => clearInterval(timer));
}
