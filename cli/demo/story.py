"""The story of the demo: servers, history, first release, stream with faults, second release."""

from __future__ import annotations

import json
import time

from cli.demo import faults
from cli.demo.children import Child
from cli.demo.feed import Sending, Source, history_h, sending, sources
from cli.demo.stage import Stage
from cli.output import iso
from cli.up import bring_up, prepare
from infra.topics import FORECASTS, JOURNAL
from schemas.codec import Codec
from schemas.errors import GridcastError

_REPEATED = 36
_TRAIN = ("--fast", "--hindsight", "--json")


def servers(stage: Stage) -> None:
    """A Kafka and a PostgreSQL of the demo's own, and a worker and a sink on them."""
    with stage.part("a Kafka and a PostgreSQL of its own, topics, tables; a worker and a sink"):
        bring_up(stage.settings, lambda line: stage.screen.say(f"   {line}"))
        prepare(stage.settings)
        worker, sink = stage.start("worker"), stage.start("sink")
        stage.screen.say(f"   gridcast worker is process {worker.pid}, gridcast sink {sink.pid}")


def history(stage: Stage, parts: list[Source]) -> None:
    """Weeks of the past at once, then a training on them while the worker goes through them."""
    plan = stage.plan
    with stage.part(f"{plan.history_days} days of history of both plants, as fast as it goes"):
        _publish_history(stage, parts)
        in_tables = stage.read_by(stage.settings.sink_group, JOURNAL)
        stage.wait("the sink writes the history to PostgreSQL", in_tables)
    with stage.part("first training, from PostgreSQL, while the worker goes through the history"):
        began_s = time.monotonic()
        child = _train(stage, "--hold-back", f"{plan.held_back_days}d")
        stage.wait("training", lambda: stage.children.finished(child))
        _released(stage, child)
        done = stage.caught_up(stage.settings.worker_group)
        stage.wait("the worker goes through the history", done)
        forecasts_per_s = stage.watch.seen.counts[FORECASTS] / (time.monotonic() - began_s)
        stage.plan = plan.paced(forecasts_per_s)
        stage.screen.say(f"   the worker made {forecasts_per_s:.0f} forecasts a second here")


def _publish_history(stage: Stage, parts: list[Source]) -> None:
    with sending(parts, history_h(stage.plan), 0.0, 0.0) as going:
        stage.wait("publishing", going.done)
        stage.screen.say(
            f"   {sum(going.sent.values())} records on the journal: telemetry with units, weather runs"
        )


def _train(stage: Stage, *arguments: str) -> Child:
    number = len(stage.releases) + 1
    stage.screen.say(f"   gridcast train {' '.join((*_TRAIN[:2], *arguments))}")
    return stage.children.start("train", *_TRAIN, *arguments, log=f"train-{number}", lasting=False)


def _released(stage: Stage, child: Child) -> None:
    """Read what `train --json` has printed last, and remember the release."""
    document = json.loads(child.said().strip().splitlines()[-1])
    if not document["published"]:
        raise GridcastError(f"the training was not published: {document['reason']} (log: {child.log})")
    stage.releases.append((document["name"], document["version"]))
    verdict = "better than" if document["better"] else "not better than"
    before = "the built-in cold start" if len(stage.releases) == 1 else f"release {stage.releases[-2][1]}"
    name = f"{document['name']} {document['version']} ({document['bytes'] / 1e6:.1f} MB)"
    stage.screen.say(f"   release {name}, {verdict} {before} on held-back days: {document['reason']}")


def stream(stage: Stage, parts: list[Source]) -> None:
    """The days that follow, at speed, with all that goes wrong; a release is taken up in the middle."""
    plan = stage.plan
    days, speed = plan.stream_h / 24, plan.speed
    with stage.part(f"the next {days:.0f} days at {speed:,.0f} times real time, with faults on purpose"):
        stage.worker_pids["first release"] = stage.process("worker").pid
        with sending(parts, 0.0, plan.first_h, plan.speed) as going:
            _first_part(stage, going)
        with sending(parts, plan.first_h, plan.stream_h, plan.speed) as going:
            _second_part(stage, going)


def _first_part(stage: Stage, going: Sending) -> None:
    """Bad records, repeats, a silence, and a training that ends in a release."""
    plan, screen = stage.plan, stage.screen
    _until(stage, going, plan.bad_records_h)
    _bad_records(stage)
    _until(stage, going, plan.repeats_h)
    stage.repeated = faults.repeat(stage.settings, Codec(), plan.wind.plant_id, _REPEATED, stage.injected)
    screen.say(f"   FAULT: the last {stage.repeated} records of {plan.wind.plant_id} are sent once more")
    _until(stage, going, plan.silent_from_h)
    hours = plan.silent_to_h - plan.silent_from_h
    screen.say(f"   FAULT: the feed of {plan.wind.plant_id} is silent for {hours:.0f} h; its data comes late")
    _until(stage, going, plan.train_h)
    child = _train(stage, "--hold-back", f"{plan.held_back_again_days}d", "--force")
    stage.wait("streaming, training", lambda: _news(stage) and stage.children.finished(child))
    _released(stage, child)
    stage.wait("streaming", lambda: _news(stage) and going.done())


def _second_part(stage: Stage, going: Sending) -> None:
    """The second release in use, then a worker killed in the middle of its work."""
    plan = stage.plan
    wanted = stage.releases[-1]
    stage.wait("streaming", lambda: _news(stage) and _in_use(stage, wanted))
    stage.worker_pids["second release"] = stage.process("worker").pid
    stage.screen.say(f"   both plants are forecast by {' '.join(wanted)} now; the worker was not restarted")
    _until(stage, going, plan.first_h + plan.kill_after_h)
    _kill(stage)
    stage.wait("streaming", lambda: _news(stage) and going.done())


def _in_use(stage: Stage, release: tuple[str, str]) -> bool:
    newest = [stage.watch.seen.forecast.get(sample.plant_id) for sample in stage.plan.samples]
    return all(one is not None and (one["model"], one["version"]) == release for one in newest)


def _until(stage: Stage, going: Sending, hour: float) -> None:
    stage.wait("streaming", lambda: _news(stage) and (going.hours >= hour or going.done()))


def _bad_records(stage: Stage) -> None:
    plan = stage.plan
    stage.injected += faults.bad_records(stage.settings, Codec(), plan.wind, plan.solar, plan.bad_records_h)
    what = ", ".join(one.what for one in stage.injected)
    stage.screen.say(f"   FAULT: {len(stage.injected)} bad records put on the journal: {what}")


def _kill(stage: Stage) -> None:
    worker = stage.process("worker")
    stage.killed_ms = time.time_ns() // 1_000_000
    stage.children.kill(worker)
    again = stage.start("worker")
    stage.screen.say(
        f"   FAULT: the worker ({worker.pid}) is killed with SIGKILL and started again ({again.pid}); Kafka "
        "waits 10 s for the dead one's heartbeat"
    )


def _news(stage: Stage) -> bool:
    """Tell what the topics have said since; always True, so that it can stand in a condition."""
    wind = stage.plan.wind
    while not stage.watch.news.empty():
        name, record = stage.watch.news.get()
        streamed = any(
            record.get("plant_id") == one.plant_id and record.get("event_time", -1) >= one.stream_from_ms
            for one in stage.plan.samples
        )
        if name == "RejectedRecord":
            stage.screen.say(f"   refused: {record['reason']} ({record['detail']})")
        elif name == "AnomalyEvent" and streamed:
            if record["detector"] == "feed_silent" and record["plant_id"] == wind.plant_id:
                stage.silences.append(record)
            if record["phase"] != "update":
                word = "opens" if record["phase"] == "open" else "is over"
                stage.screen.say(f"   alert {word}, {iso(record['event_time'])}: {record['message']}")
        elif name == "DriftEvent" and streamed:
            stage.screen.say(f"   drift, {iso(record['event_time'])}: {record['message']}")
    return True


def drain(stage: Stage) -> int:
    """Until everything is read; returns the records that are still behind, 0."""
    found = stage.settings
    with stage.part("everything is read to the end"):
        done = stage.caught_up(found.worker_group, found.sink_group)
        stage.wait("draining", lambda: _news(stage) and done())
        behind = stage.watch.seen.behind
        assert behind is not None
        stage.screen.say(f"   {stage.watch.seen.counts[FORECASTS]} forecasts; nothing waits")
        return sum(behind.groups[group] for group in (found.worker_group, found.sink_group))


def end(stage: Stage) -> dict[str, int]:
    """Stop worker and sink as a user would; returns their exit codes."""
    return {name: stage.children.stop(stage.process(name)) for name in ("worker", "sink")}


def tell(stage: Stage) -> tuple[int, dict[str, int]]:
    """The whole story; returns the records that were left behind, and how worker and sink ended."""
    servers(stage)
    parts = sources(stage.settings, stage.plan, Codec())
    history(stage, parts)
    stream(stage, parts)
    return drain(stage), end(stage)
