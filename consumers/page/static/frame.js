// Around the views: where one is, whether it is live, how times and colours are shown, and new alerts aloud.

import { h, plantPath, replace } from "./lib/dom.js";
import { pref, setPref } from "./lib/prefs.js";
import { moment } from "./lib/times.js";

const VIEWS = [
  ["Fleet", "#/"],
  ["Alerts", "#/alerts"],
  ["Releases", "#/releases"],
  ["Operations", "#/operations"],
];

export function navigation(current) {
  const nav = document.getElementById("nav");
  nav.hidden = current === null && !sessionThere();
  replace(
    nav,
    VIEWS.map(([name, path]) =>
      h("a", { href: path, "aria-current": name === current ? "page" : null }, name),
    ),
  );
}

const sessionThere = () => document.getElementById("tools").dataset.in === "yes";

const THEMES = [
  ["auto", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
];
const TIMES = [
  ["local", "local"],
  ["utc", "UTC"],
];

// `given`: null where nobody is signed in.
export function tools(given) {
  const element = document.getElementById("tools");
  element.dataset.in = given ? "yes" : "no";
  if (given && element.querySelector("button.out")) return;
  replace(
    element,
    given ? h("span", { class: "live", id: "live" }) : null,
    switcher("Times", "times", TIMES),
    switcher("Colours", "theme", THEMES),
    given ? h("button", { type: "button", class: "out", onclick: given.signOut }, "Sign out") : null,
  );
  document.dispatchEvent(new Event("tools"));
}

function switcher(label, name, options) {
  return h(
    "label",
    { class: "switch" },
    h("span", null, label),
    h(
      "select",
      { onchange: (event) => setPref(name, event.target.value) },
      options.map(([value, text]) => h("option", { value, selected: pref(name) === value }, text)),
    ),
  );
}

const reason = (why) => why?.replace(/: try again$/, "") ?? "the service does not answer";

export function connection(live) {
  const notice = document.getElementById("connection");
  const show = () => {
    const state = document.getElementById("live");
    const lost = live.state === "lost";
    if (state) {
      state.className = `live ${live.state}`;
      replace(
        state,
        h("span", { "aria-hidden": "true" }, live.state === "live" ? "●" : lost ? "▲" : "○"),
        ` ${{ live: "live", lost: "not live", connecting: "connecting", off: "" }[live.state]}`,
      );
    }
    notice.hidden = !lost;
    notice.textContent = lost
      ? `Not live since ${moment(live.since)}: ${reason(live.why)}. What you see may be old. It is tried again by itself.`
      : "";
  };
  live.on("state", show);
  document.addEventListener("tools", show);
}

// New events aloud, and nothing else: the one live region of the page.
export function announceAlerts(live) {
  const region = document.getElementById("announce");
  live.on("alert", (event) => {
    if (event.phase !== "open" || event.severity === "info") return;
    const where = event.unit_id ? `${event.plant_id}, ${event.unit_id}` : event.plant_id;
    replace(
      region,
      h(
        "a",
        { href: plantPath(event.plant_id, "events") },
        `${event.severity === "critical" ? "▲" : "◆"} New ${event.severity} event at ${where}: ${event.message}`,
      ),
      h(
        "button",
        { type: "button", onclick: () => replace(region), "aria-label": "Put this message away" },
        "×",
      ),
    );
  });
}
