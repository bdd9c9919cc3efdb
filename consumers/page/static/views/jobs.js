// Jobs that were asked for: how far they are and what came of them.

import { badge, empty, listing, meter, time } from "../lib/parts.js";
import { h } from "../lib/dom.js";
import { share } from "../lib/units.js";

const SIGNS = {
  done: ["good", "✓"],
  failed: ["critical", "▲"],
  running: ["info", "◔"],
  waiting: ["plain", "○"],
};

// `rows`, or the refusal that came instead of them.
export function jobList(rows) {
  if (!Array.isArray(rows)) {
    return empty(
      rows.status === 403
        ? "Your key may not see jobs: this needs the role operator."
        : "This service has no jobs.",
    );
  }
  return listing({
    caption: "Jobs",
    rows,
    none: "Nothing was asked for yet.",
    columns: [
      { name: "Job", of: (one) => [h("b", null, one.kind), h("small", null, `number ${one.job_id}`)] },
      { name: "State", of: (one) => badge(...(SIGNS[one.state] ?? ["plain", "○"]), one.state) },
      {
        name: "Progress",
        of: (one) => meter(one.progress, `${share(one.progress)}${one.stage ? `, ${one.stage}` : ""}`),
      },
      { name: "Asked by", of: (one) => one.asked_by },
      { name: "Asked", of: (one) => time(one.asked_at) },
      { name: "Ended", of: (one) => (one.ended_at ? time(one.ended_at) : "not yet") },
      { name: "Came to", of: (one) => one.error ?? (one.state === "done" ? "done" : "–") },
    ],
  });
}
