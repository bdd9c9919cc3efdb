"""The peers as processes: an environment of their own, a group of their own, the same core.

What counts as read is what each of them promises: Faust and Quix Streams commit to Kafka; Bytewax keeps its
place in its recovery store, so for it the results that Kafka has acknowledged are counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from confluent_kafka.admin import NewTopic

from benchmarks.speed.journal import PARTITIONS, Loaded, begin_at, delete
from benchmarks.speed.machine import ROOT, Pinned, cores
from benchmarks.speed.peers.features import RESULTS
from benchmarks.speed.rate import Commits, Rate, measure
from infra.kafka import admin, await_admin
from infra.settings import Settings
from infra.topic_reader import spans

VENV: Final = ROOT / ".gridcast" / "bench-venv"
#: As in our own lock; the others stand in the extra `bench`.
OURS: Final = ("faust-streaming", "fastavro")
LIMIT_S: Final = 60.0
_PYTHON: Final = str(VENV / "bin" / "python")


def install() -> None:
    """Make the environment of the peers, once."""
    stamp = VENV / "installed"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = [*extras["bench"], *_pinned()]
    if stamp.exists() and stamp.read_text() == "\n".join(wanted):
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = [_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted], check=True)
    stamp.write_text("\n".join(wanted))


def _pinned() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line.split()[0] for line in lines if line.split("==")[0] in OURS]


def versions() -> dict[str, str]:
    """What is installed of each peer."""
    code = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
    command = [_PYTHON, "-c", code, "faust-streaming", "quixstreams", "bytewax"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(("faust", "quix", "bytewax"), said, strict=True))


def faust(kafka: str, group: str, folder: Path) -> list[str]:
    return [_PYTHON, "-m", "benchmarks.speed.peers.faust_app", kafka, group, str(folder)]


def quix(kafka: str, group: str, folder: Path) -> list[str]:
    return [_PYTHON, "-m", "benchmarks.speed.peers.quix_app", kafka, group, str(folder)]


def bytewax(kafka: str, group: str, folder: Path) -> list[str]:
    subprocess.run([_PYTHON, "-m", "bytewax.recovery", str(folder), "1"], check=True)
    target = f"benchmarks.speed.peers.bytewax_flow:flow('{kafka}', '{group}')"
    return [_PYTHON, "-m", "bytewax.run", target, "-r", str(folder), "-s", "10", "-b", "0"]


COMMANDS: Final[dict[str, Callable[[str, str, Path], list[str]]]] = {
    "faust": faust,
    "quix": quix,
    "bytewax": bytewax,
}


def run(name: str, loaded: Loaded, limit_s: float = LIMIT_S) -> Rate:
    """One run, from the first thing it has done for good to the end of the journal or of the time."""
    install()
    group = f"bench-{name}-{uuid.uuid4().hex[:8]}"
    settings, folder = loaded.settings, loaded.settings.home / "peers" / group
    folder.mkdir(parents=True)
    _clean(settings)
    begin_at(settings, loaded.heads, group)
    command = COMMANDS[name](settings.kafka, group, folder)
    log = settings.home / "logs" / f"{name}-{time.monotonic_ns()}.log"
    try:
        with Pinned(command, _environment(), log, cores()[0]) as child:
            commits = Commits(settings, group, loaded.begins)
            done = commits.done if name != "bytewax" else lambda: results(settings)
            try:
                records, broker_pid = loaded.records, loaded.broker_pid
                return measure(records, broker_pid, done, lambda: [child.pid], child.check, limit_s, True)
            finally:
                commits.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _clean(settings)


def results(settings: Settings) -> int:
    """Result records that Kafka holds."""
    return sum(span.end - span.first for span in spans(settings, RESULTS).values())


def _clean(settings: Settings) -> None:
    client = admin(settings)
    there = client.list_topics(timeout=20).topics
    delete(settings, {name for name in there if "bench" in name})
    lz4 = {"compression.type": "producer"}
    for future in client.create_topics([NewTopic(RESULTS, PARTITIONS, 1, config=lz4)]).values():
        await_admin(future, "make the topic of results", 30.0)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
