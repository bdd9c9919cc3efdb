// The page: sign-in, the frame around the views, and the one live stream that all of them hear.

import { ask, whenUnauthorized } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";
import { Live } from "./lib/live.js";
import { onPref } from "./lib/prefs.js";
import { find, route } from "./lib/router.js";
import { forget, key } from "./lib/session.js";
import { age } from "./lib/parts.js";
import { announceAlerts, connection, navigation, tools } from "./frame.js";
import { signIn } from "./views/signin.js";
import * as alerts from "./views/alerts.js";
import * as event from "./views/event.js";
import * as fleet from "./views/fleet.js";
import * as operations from "./views/operations.js";
import * as plant from "./views/plant.js";
import * as release from "./views/release.js";
import * as releases from "./views/releases.js";

route("/", "Fleet", fleet.show);
route("/plants/:plantId/:section?", "Fleet", plant.show);
route("/events/:eventId", "Alerts", event.show);
route("/alerts", "Alerts", alerts.show);
route("/releases", "Releases", releases.show);
route("/releases/:name/:version", "Releases", release.show);
route("/operations", "Operations", operations.show);

const AGE_MS = 20000;
const main = document.getElementById("main");
const live = new Live();
let leaving = null;

function enter({ focus = true } = {}) {
  leaving?.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  if (!key()) {
    live.stop();
    tools(null);
    navigation(null);
    signIn(main, () => enter());
    return;
  }
  live.start();
  tools({ signOut });
  const found = find(location.hash);
  navigation(found?.name ?? null);
  replace(main);
  if (found) found.view(main, { ...found, signal, live, on: on(signal), onBack: onBack(signal) });
  else
    replace(
      main,
      h("h1", { tabindex: "-1" }, "There is nothing here"),
      h("p", null, h("a", { href: "#/" }, "To the fleet")),
    );
  const title = main.querySelector("h1");
  document.title = title ? `${title.textContent} · gridcast` : "gridcast";
  if (focus) {
    title?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

const on = (signal) => (kind, listener) => signal.addEventListener("abort", live.on(kind, listener));

// When the service is back, and when records were lost, what is shown is asked for again.
const onBack = (signal) => (run) => {
  const heard = live.on("state", ({ state, before }) => {
    if (state === "live" && before === "lost") run();
  });
  const gap = live.on("gap", run);
  signal.addEventListener("abort", () => {
    heard();
    gap();
  });
};

function signOut() {
  forget();
  live.stop();
  location.hash = "#/";
  enter();
}

whenUnauthorized(() => {
  if (main.querySelector("form.signin")) return; // which says itself that the key is wrong
  forget();
  enter();
});
addEventListener("hashchange", () => enter());
onPref((name) => {
  if (name === "times") enter({ focus: false });
});
document.getElementById("skip").addEventListener("click", (click) => {
  click.preventDefault();
  main.focus();
});
connection(live);
setInterval(age, AGE_MS);
announceAlerts(live);
live.on("state", () => {
  if (!key() && live.state !== "off") enter();
});
enter({ focus: false });
ask("/version").then(
  (told) =>
    replace(
      document.getElementById("foot"),
      `gridcast ${told.gridcast} · everything here is read from `,
      h("a", { href: "/openapi.json" }, "the API"),
      ".",
    ),
  () => {},
);
