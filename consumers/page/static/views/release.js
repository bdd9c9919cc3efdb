// One release: its model card, and its manifest for who wants all of it.

import { ask, askText } from "../lib/api.js";
import { h, linkTo } from "../lib/dom.js";
import { markdown } from "../lib/markdown.js";
import { heading, section, time } from "../lib/parts.js";
import { loaded } from "../lib/view.js";
import { role } from "./releases.js";

export function show(main, context) {
  const { name, version } = context.given;
  const path = `/v1/releases/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
  const body = h("div");
  main.append(
    h("p", { class: "crumb" }, linkTo("#/releases", "Releases"), h("span", { "aria-hidden": "true" }, " / ")),
    heading(`${name} ${version}`),
    body,
  );
  loaded(
    body,
    "the release",
    context,
    async (signal) => {
      const [release, card] = await Promise.all([ask(path, {}, signal), askText(`${path}/card`, signal)]);
      return { release, card };
    },
    ({ release, card }) => [
      h(
        "p",
        { class: "about" },
        role(release),
        " since ",
        time(release.since),
        h("span", { class: "muted" }, ` · SHA-256 ${release.sha256.slice(0, 16)}…`),
      ),
      h("article", { class: "panel card-text" }, markdown(card)),
      section(
        "Manifest",
        h(
          "details",
          null,
          h("summary", null, "All that its record tells"),
          h(
            "pre",
            { tabindex: "0", role: "region", "aria-label": "Manifest" },
            JSON.stringify(release.manifest, null, 2),
          ),
        ),
      ),
    ],
  );
}
