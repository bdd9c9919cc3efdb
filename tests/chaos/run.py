"""One run: load, faults in random order, a recovery after each, quiet, the verdict."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from cli.demo import signals
from cli.demo.children import Children
from infra.postgres import migrate
from infra.settings import Settings, isolated, isolated_environment
from infra.topics import make_topics
from producers.folder import read_folder
from producers.kafka_out import cluster_id
from producers.order import merge
from producers.publish import TOPICS as PUBLISHED_TOPICS
from producers.publish import Range
from producers.resume import Bookmark
from producers.ticks import gap_ticks
from schemas.errors import GridcastError
from tests.chaos.crew import Crew
from tests.chaos.faults import DECK, Stage, deal
from tests.chaos.gauge import Gauge
from tests.chaos.inject import Injector
from tests.chaos.load import Park
from tests.chaos.servers import Server, dsn_through_door, make_kafka, make_postgres
from tests.chaos.verdict import Published, Verdict, judge

SETTINGS = {"checkpoint_every_s": 4.0, "commit_every_s": 0.5, "batch_records": 200, "sink_linger_s": 0.2}
#: The load must outlast the faults: so long may each take on a busy machine.
SECONDS_A_FAULT = 24.0
FASTEST_DAY_S = 12.0
MOST_DAYS = 92
LEAST_DAYS = 4
OVERLAP_CHANCE = 0.25
RECOVERY_S = 180.0
BEGIN_S = 120.0
Say = Callable[[str], None]


@dataclass
class Run:
    """Everything of one run, for the story and for its end."""

    home: Path
    chance: Random
    say: Say
    kafka: Server
    postgres: Server
    settings: Settings
    crew: Crew
    gauge: Gauge
    injector: Injector
    parks: list[tuple[str, Path]] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    recovery_s: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def stage(self) -> Stage:
        """What a fault can lay hands on."""
        return Stage(self.crew, self.kafka, self.postgres, self.injector, self.chance)


def play(base: Path, kills: int, seed: int, say: Say, only: Collection[str] = ()) -> dict[str, Any]:
    """A run of `kills` faults under `base`; returns the results. Nothing of it is left running.

    Raises `GridcastError` where it could not be played to its end.
    """
    began_s = time.monotonic()
    home = base / "chaos" / f"run-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with _run(home, seed, say) as run, signals.raised():
        _begin(run, kills)
        for number, name in enumerate(deal(run.chance, kills, only)):
            _strike(run, number, name)
            if number == kills // 3:
                run.injector.release()
                run.say("   a release")
            if number == kills // 2:
                run.injector.growth()
                run.injector.correction()
                run.injector.send_run(run.injector.weather_run())
                run.say("   a plant with more capacity, a correction, a weather run")
        published = _quiet(run)
        say("comparing what was sent, the journal, the topics and the tables")
        verdict = judge(run.settings, published, run.injector.sent)
        return _results(run, verdict, kills, seed, time.monotonic() - began_s)


@contextmanager
def _run(home: Path, seed: int, say: Say) -> Iterator[Run]:
    kafka, postgres = make_kafka(home), make_postgres(home)
    crew: Crew | None = None
    gauge: Gauge | None = None
    try:
        kafka.start()
        postgres.start()
        places = {"kafka": f"127.0.0.1:{kafka.door.port}", "postgres": dsn_through_door(postgres)}
        settings = isolated(home, **SETTINGS, **places)
        make_topics(settings)
        migrate(settings)
        crew = Crew(Children(home, isolated_environment(home, **SETTINGS, **places)))
        gauge, chance = Gauge(settings), Random(seed)
        yield Run(home, chance, say, kafka, postgres, settings, crew, gauge, Injector(settings, chance))
    finally:
        with signals.ignored():
            for part in (crew, gauge):
                if part is not None:
                    part.close()
            for server in (postgres, kafka):
                server.stop()


def _begin(run: Run, kills: int) -> None:
    """Folders, two workers, a sink, two producers, and the first forecasts."""
    seconds_a_day = max(FASTEST_DAY_S, kills * SECONDS_A_FAULT / MOST_DAYS)
    days = LEAST_DAYS + round(kills * SECONDS_A_FAULT / seconds_a_day)
    for sample, copies in (("la_haute_borne", 5), ("serf_east", 3)):
        folder = Park(sample, copies, days).write(run.home / "folders" / sample)
        run.parks.append((f"producer-{sample}", folder))
    run.crew.start()
    for name in ("worker-a", "worker-b"):
        run.crew.add(name, "worker")
    run.crew.add("sink", "sink")
    run.gauge.disturbed()
    run.gauge.start()
    speed = str(round(86_400 / seconds_a_day))
    for name, folder in run.parks:
        run.crew.add(name, "publish", str(folder), "--speed", speed, ends=True)
    _until(lambda: run.gauge.recovered(5.0) is not None and run.gauge.moving, BEGIN_S, "the first forecasts")
    run.gauge.calm()
    run.say(f"two workers, a sink, {days} days of 8 plants at {seconds_a_day:.0f} s a day: {run.home}")


def _strike(run: Run, number: int, name: str) -> None:
    began_s = time.monotonic()
    run.gauge.disturbed()
    try:
        DECK[name][1](run.stage)
    finally:
        run.gauge.calm()
    run.struck[name] += 1
    lasted_s = time.monotonic() - began_s
    if run.chance.random() < OVERLAP_CHANCE:
        run.say(f"{number + 1:4d} {name} ({lasted_s:.1f} s), and at once the next")
        time.sleep(run.chance.uniform(0.0, 3.0))
        return
    took_s = run.gauge.recovered(RECOVERY_S)
    if took_s is None:
        run.broken.append(f"{name}: not caught up in {RECOVERY_S:.0f} s: {run.gauge.behind()}")
        run.say(f"{number + 1:4d} {run.broken[-1]}")
        return
    run.recovery_s.append(took_s)
    run.say(f"{number + 1:4d} {name} ({lasted_s:.1f} s), caught up after {took_s:.1f} s")
    time.sleep(run.chance.uniform(0.0, 2.0))


def _quiet(run: Run) -> list[Published]:
    """No more faults: end the producers, let everything be read, end everybody in order."""
    if not any(run.crew.running(name) for name, _ in run.parks):
        run.broken.append("the load was over before the faults were: nothing was shown by the last of them")
    published = [_acknowledged(run, name, folder) for name, folder in run.parks]
    took_s = run.gauge.recovered(RECOVERY_S)
    if took_s is None:
        run.broken.append(f"at the end: not caught up: {run.gauge.behind()}")
    run.gauge.close()
    for name in (*run.crew.names("worker"), *run.crew.names("sink")):
        code = run.crew.remove(name)
        if code != 0:
            run.broken.append(f"{name} ended with {code} when it was told to end")
    return published


def _acknowledged(run: Run, name: str, folder: Path) -> Published:
    if run.crew.running(name):
        run.crew.remove(name)
    read = read_folder(folder, time.time_ns() // 1_000_000)
    journal = merge(read, gap_ticks(read, round(run.settings.tick_delay_s)))
    part = Range.between(journal, None, None)
    cluster = cluster_id(run.settings, PUBLISHED_TOPICS)
    bookmark = Bookmark.of(run.home, folder, part.start, part.stop, cluster)
    return Published(folder.name, journal, bookmark.done() or len(journal))


def _until(so: Callable[[], bool], within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not so():
        if time.monotonic() > deadline:
            raise GridcastError(f"{what}: not within {within_s:.0f} s")


def _results(run: Run, verdict: Verdict, kills: int, seed: int, seconds: float) -> dict[str, Any]:
    if run.gauge.stuck_s > run.settings.stall_s:
        run.broken.append(f"{run.gauge.stuck_at} stood still for {run.gauge.stuck_s:.0f} s")
    times = sorted(run.recovery_s)
    return {
        "seed": seed,
        "kills": kills,
        "faults": dict(sorted(run.struck.items())),
        "injected": run.injector.counts,
        "records_in": verdict.records_in,
        "forecasts": verdict.forecasts,
        "repeats": verdict.repeats,
        "refused": verdict.refused,
        **verdict.counts,
        "recovery_s": {
            "p50": round(statistics.median(times), 1) if times else None,
            "max": round(times[-1], 1) if times else None,
        },
        "stuck_s": round(run.gauge.stuck_s, 1),
        "endings": dict(run.crew.endings.most_common()),
        "broken": [*run.broken, *verdict.told],
        "seconds": round(seconds, 1),
    }


def write(base: Path, results: dict[str, Any]) -> Path:
    """The results of the newest run, where `make chaos` promises them."""
    path = base / "chaos" / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path
