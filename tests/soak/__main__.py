"""`make soak MINUTES=10`: memory stays bounded while PostgreSQL is slow, and nothing is lost.

A real Kafka and a real PostgreSQL behind a way that lets little through and under locks; one worker, one
sink, a publisher at full speed. Results go to `.gridcast/soak/results.json`; 1 is a broken promise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil
from pydantic import SecretStr

from infra import local
from infra.postgres import migrate
from infra.settings import Settings, isolated, isolated_environment
from infra.topics import make_topics
from tests.soak import equal
from tests.soak.judge import Soak, memory
from tests.soak.publisher import backlog
from tests.soak.slow import Locks, SlowWay

ROOT = Path(__file__).parents[2]
#: Records that the worker is behind when the publisher begins its next round.
AHEAD = 30_000


class Crew:
    """The processes, and what they held at each second."""

    def __init__(self, settings: Settings, sink_dsn: str, plants: int) -> None:
        self._settings = settings
        work = settings.home / "rounds"
        commands = {
            "worker": ["cli", "worker"],
            "sink": ["cli", "sink"],
            "publisher": ["tests.soak.publisher", str(work), str(plants), str(AHEAD)],
        }
        self.at_s: list[float] = []
        self.rss_mb: dict[str, list[float]] = {name: [] for name in commands}
        self.ended: dict[str, int] = {}
        self._processes = {name: self._start(name, words, sink_dsn) for name, words in commands.items()}

    def _start(self, name: str, words: list[str], sink_dsn: str) -> subprocess.Popen[bytes]:
        dsn = sink_dsn if name == "sink" else self._settings.postgres.get_secret_value()
        values = {"kafka": self._settings.kafka, "postgres": dsn}
        log = self._settings.home / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=isolated_environment(self._settings.home, **values),
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def look(self) -> None:
        """Note what everybody holds now, and who has ended."""
        self.at_s.append(time.monotonic())
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None:
                self.ended.setdefault(name, code)
            else:
                rss = psutil.Process(process.pid).memory_info().rss
                self.rss_mb[name].append(rss / (1 << 20))

    def stop(self, name: str) -> None:
        """End one; an end with another code than 0 is noted."""
        process = self._processes.pop(name)
        process.terminate()
        code = process.wait(120)
        if code:
            self.ended.setdefault(name, code)

    def kill(self) -> None:
        """End all that is left, at once."""
        for process in self._processes.values():
            process.kill()
            process.wait()


def run(home: Path, minutes: float, plants: int, slow_bytes_s: float) -> Soak:
    """Start everything, load it, take the slowness away, and look."""
    servers = {one.name: one.address for one in local.up(home)}
    settings = isolated(home, kafka=servers["kafka"], postgres=SecretStr(servers["postgres"]))
    make_topics(settings)
    migrate(settings)
    way = SlowWay(servers["postgres"], slow_bytes_s)
    locks = Locks(servers["postgres"])
    crew = Crew(settings, way.dsn, plants)
    lags: dict[str, list[int]] = {"worker": [], "sink": []}
    try:
        _load(settings, crew, lags, minutes)
        memories = [memory(name, crew.at_s, rss) for name, rss in crew.rss_mb.items()]
        crew.stop("publisher")
        locks.close()
        way.bytes_s = None
        left = _catch_up(settings, crew, 60 * max(8.0, minutes))
        for name in ("worker", "sink"):
            crew.stop(name)
        unequal = [f"{n} records of {topic} were not written in time" for topic, n in left.items()]
        unequal += [] if left else equal.unequal(settings)
    finally:
        crew.kill()
    more = {"rss_mb": crew.rss_mb, "lag": lags, "locks": locks.held, "slow_bytes_s": slow_bytes_s}
    lag = {name: max(n, default=0) for name, n in lags.items()}
    return Soak(minutes, memories, lag, crew.ended, unequal, more)


def _load(settings: Settings, crew: Crew, lags: dict[str, list[int]], minutes: float) -> None:
    end_s = time.monotonic() + 60 * minutes
    turn = 0
    while time.monotonic() < end_s and not crew.ended:
        crew.look()
        if turn % 10 == 0:
            lags["worker"].append(backlog(settings))
            lags["sink"].append(sum(equal.caught_up(settings).values()))
            held = ", ".join(f"{name} {rss[-1]:.0f} MB" for name, rss in crew.rss_mb.items() if rss)
            print(f"{held}; behind: worker {lags['worker'][-1]}, sink {lags['sink'][-1]}", flush=True)
        turn += 1
        time.sleep(1.0)


def _catch_up(settings: Settings, crew: Crew, limit_s: float) -> dict[str, int]:
    deadline_s = time.monotonic() + limit_s
    left = equal.caught_up(settings)
    while (left or backlog(settings)) and time.monotonic() < deadline_s and not crew.ended:
        time.sleep(2.0)
        crew.look()
        left = equal.caught_up(settings)
    return left


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--plants", type=int, default=8)
    parser.add_argument("--slow", type=float, default=150_000, help="bytes a second to PostgreSQL")
    parser.add_argument("--home", type=Path, default=Path(".gridcast/soak"))
    asked = parser.parse_args()
    home = asked.home.absolute()
    local.down(home)
    shutil.rmtree(home, ignore_errors=True)
    try:
        soak = run(home, asked.minutes, asked.plants, asked.slow)
    finally:
        local.down(home)
        for name in ("kafka", "postgres", "rounds"):
            shutil.rmtree(home / name, ignore_errors=True)
    document = {**asdict(soak), "broken": soak.broken, "verdict": soak.verdict()}
    (home / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    print(soak.verdict())
    return int(bool(soak.broken))


if __name__ == "__main__":
    sys.exit(main())
