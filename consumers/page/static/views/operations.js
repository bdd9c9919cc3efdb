// What runs: how far everybody is behind, what stands still, how the feeds are, jobs and who did what.

import { ask } from "../lib/api.js";
import { h, linkTo, plantPath } from "../lib/dom.js";
import {
  badge,
  card,
  cards,
  empty,
  heading,
  listing,
  quality,
  section,
  severity,
  time,
} from "../lib/parts.js";
import { span } from "../lib/times.js";
import { count, plain } from "../lib/units.js";
import { every, loaded } from "../lib/view.js";
import { jobList } from "./jobs.js";

const SLOW_S = 60;
const MOST_FEEDS = 200;

export function show(main, context) {
  main.append(heading("Operations"));
  const part = (what, load, draw, againMs = 15000) => {
    const place = h("div");
    main.append(place);
    every(loaded(place, what, context, load, draw), againMs, context.signal);
  };
  part("the service", service, standing);
  part(
    "the lag",
    (signal) => ask("/v1/lag", {}, signal),
    ({ data }) => section("Lag", lagSums(data), lagList(data)),
  );
  part(
    "the stalls",
    (signal) => ask("/v1/alerts", { kind: "stall", limit: 50 }, signal),
    ({ data }) => section("Stalls", stallList(data)),
  );
  part(
    "the feeds",
    (signal) => ask("/v1/quality", {}, signal),
    ({ data }) => section("Feeds", feedList(data), feedsLeft(data)),
  );
  part("the jobs", jobs, (rows) => section("Jobs", jobList(rows)));
}

async function service(signal) {
  const answer = async (path) => {
    try {
      const told = await fetch(path, { signal, credentials: "omit" });
      return told.headers.get("content-type")?.includes("json") ? await told.json() : {};
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return {}; // what nobody has told is not known
    }
  };
  const [health, ready, version] = await Promise.all(["/health", "/ready", "/version"].map(answer));
  return { health, ready, version };
}

async function jobs(signal) {
  try {
    return (await ask("/v1/jobs", { limit: 50 }, signal)).data;
  } catch (error) {
    if (error.status === 403 || error.status === 404) return error;
    throw error;
  }
}

function yes(value, good, bad, unknown = "not known") {
  if (value === undefined) return [unknown, "warning"];
  return value ? [good, "good"] : [bad, "critical"];
}

function standing({ health, ready, version }) {
  const [alive, aliveKind] =
    health.ok === undefined ? ["does not answer", "critical"] : yes(health.ok, "works", "stands still");
  const [base, baseKind] = yes(ready.database, "answers", "does not answer");
  const [kafka, kafkaKind] = yes(health.follows_kafka, "is followed", "is not followed");
  return cards(
    card(
      "API",
      alive,
      health.uptime_s ? `up for ${span(health.uptime_s)}, gridcast ${version.gridcast ?? ""}` : "",
      aliveKind,
    ),
    card("PostgreSQL", base, "where the sink writes", baseKind),
    card(
      "Kafka",
      kafka,
      yes(ready.forecasts, "every newest forecast is in memory", "forecasts are still being read", "")[0],
      kafkaKind,
    ),
  );
}

function lagSums(rows) {
  const groups = new Map();
  for (const row of rows) {
    const sum = groups.get(row.group) ?? { records: 0, lost: 0, seconds: 0 };
    groups.set(row.group, {
      records: sum.records + row.records,
      lost: sum.lost + row.lost,
      seconds: Math.max(sum.seconds, row.seconds ?? 0),
    });
  }
  return cards(
    ...[...groups].map(([group, sum]) =>
      card(
        group,
        count(sum.records, "record"),
        `${sum.records ? `${span(sum.seconds)} behind` : "at the end"}${sum.lost ? `, ${plain(sum.lost)} LOST to retention` : ""}`,
        sum.lost ? "critical" : sum.seconds > SLOW_S ? "warning" : "good",
      ),
    ),
  );
}

function lagList(rows) {
  const behind = rows.filter((row) => row.records || row.lost);
  if (!behind.length)
    return empty(
      `Nobody is behind, in ${count(rows.length, "partition")} of ${count(new Set(rows.map((one) => one.topic)).size, "topic")}.`,
    );
  return listing({
    caption: "Partitions with records that wait",
    rows: behind,
    columns: [
      { name: "Group", of: (one) => one.group },
      { name: "Topic", of: (one) => one.topic },
      { name: "Partition", of: (one) => plain(one.partition), number: true },
      { name: "Records", of: (one) => plain(one.records), number: true },
      { name: "Behind", of: (one) => (one.seconds === null ? "not known" : span(one.seconds)), number: true },
      { name: "Lost", of: (one) => plain(one.lost), number: true },
    ],
  });
}

const stallList = (rows) =>
  listing({
    caption: "Stalls",
    rows,
    none: "Nothing has stood still, as far as an alerter has told.",
    columns: [
      { name: "What", of: (one) => [h("b", null, one.subject), h("small", null, one.message)] },
      { name: "Severity", of: (one) => severity(one.severity) },
      {
        name: "State",
        of: (one) =>
          one.state === "raised" ? badge("critical", "▲", "stands still") : badge("good", "✓", "over"),
      },
      { name: "Since", of: (one) => time(one.started_at) },
      { name: "Over", of: (one) => time(one.cleared_at) },
    ],
  });

const feedsLeft = (rows) =>
  rows.length > MOST_FEEDS
    ? h("p", { class: "muted" }, `The worst ${MOST_FEEDS} of ${rows.length}; the fleet has them all.`)
    : null;

const feedList = (rows) =>
  listing({
    caption: "Feeds",
    rows: rows
      .toSorted((a, b) => (a.telemetry_quality ?? 0) - (b.telemetry_quality ?? 0))
      .slice(0, MOST_FEEDS),
    none: "There are no plants yet.",
    columns: [
      { name: "Plant", of: (one) => linkTo(plantPath(one.plant_id), one.plant_id) },
      { name: "Telemetry", of: (one) => quality(one.telemetry_quality) },
      { name: "Newest telemetry", of: (one) => time(one.telemetry_at, null, { age: true }) },
      { name: "Weather", of: (one) => quality(one.weather_quality) },
      { name: "Source", of: (one) => one.weather_source ?? "none" },
      { name: "Published", of: (one) => time(one.weather_published_at, null, { age: true }) },
      {
        name: "In the 80 % band at 1 h",
        of: (one) => (one.coverage80_1h === null ? "–" : `${plain(100 * one.coverage80_1h)} %`),
        number: true,
      },
    ],
  });
