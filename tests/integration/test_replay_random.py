"""A replay of a random range has the digest of a live run that went as it happened to go.

`REPLAY_SEED` repeats a run, `REPLAY_RUNS` makes more of them (`make replay-check RUNS=n`).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.main import run
from cli.output import iso
from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topics import ANOMALIES, FORECASTS, JOURNAL, PLANTS, REJECTED, RELEASES
from models import release_file
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.release import Release
from producers.releases import chunks
from schemas.records import ReleaseRecord, ReleaseRole
from tests.integration.workers import (
    CODEC,
    HOUR_MS,
    PLANT_IDS,
    START_MS,
    RunningWorker,
    await_true,
    caught_up,
    committed,
    contents,
    hours_of_telemetry,
    identities,
    plant_versions,
    running,
    send,
    telemetry,
    weather_runs,
)
from tests.seeds import first_seed

STEP_HOURS = 4
SEED = first_seed("REPLAY_SEED")
RUNS = int(os.environ.get("REPLAY_RUNS", "1"))
#: Over a midnight at least: each day keeps a state.
HOURS = 28 if RUNS == 1 else 48


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `gridcast` on the test's servers: exit code, and what it printed."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))

    def gridcast(*arguments: str) -> tuple[int, str]:
        code = run(arguments)
        return code, capsys.readouterr().out

    return gridcast


def release(name: str, hour: int, role: ReleaseRole) -> list[Outgoing]:
    """A record of a release, with its artifact."""
    artifact = release_file.save(Release(name, "1", "", Climatology(), ClosedForm()))
    sha256 = hashlib.sha256(artifact).hexdigest()
    at_ms = START_MS + hour * HOUR_MS
    record = ReleaseRecord(name, "1", at_ms, at_ms, role, sha256, len(artifact))
    pieces = chunks(artifact)
    bodies = CODEC.encode("ArtifactChunk", pieces)
    sent = [
        Outgoing("model.artifacts", f"{one['sha256']}/{one['index']}".encode(), body)
        for one, body in zip(pieces, bodies, strict=True)
    ]
    (body,) = CODEC.encode("Release", [record.to_avro()])
    return [*sent, Outgoing(RELEASES, f"{name}|{hour}|{role}".encode(), body)]


def capacity(hour: int, capacity_kw: float) -> list[Outgoing]:
    """A version of one plant from an hour on."""
    first = plant_versions()[0]
    _, record = CODEC.decode(first.value)
    changed = record | {"valid_from": START_MS + hour * HOUR_MS, "capacity_kw": capacity_kw}
    (body,) = CODEC.encode("PlantVersion", [changed])
    return [first._replace(key=f"{PLANT_IDS[0]}|{hour}".encode(), value=body)]


def bad(hour: int) -> list[Outgoing]:
    """A record of no use to anybody, and one that cannot be."""
    good = telemetry(PLANT_IDS[1], 60 * hour, 100.0)
    return [Outgoing(JOURNAL, good.key, b"{}"), telemetry(PLANT_IDS[2], 60 * hour + 5, 9e9)]


def acts(rng: np.random.Generator) -> list[list[Outgoing]]:
    """What is published, in order: hours of telemetry, and at random places between them all the rest."""
    made = [hours_of_telemetry(hour, hour + STEP_HOURS) for hour in range(0, HOURS, STEP_HOURS)]
    steps = sorted(rng.choice(np.arange(1, len(made)), 4, replace=False).tolist())
    first, beside, gone, size = (STEP_HOURS * step for step in steps)
    others = [
        release("trained", first, ReleaseRole.CHAMPION),
        release("beside", beside, ReleaseRole.SHADOW),
        release("trained", gone, ReleaseRole.WITHDRAWN),
        capacity(size - STEP_HOURS - 1, 1400.0),
    ]
    for step, other in reversed(list(zip(steps, others, strict=True))):
        made.insert(step, other + bad(STEP_HOURS * step))
    return [plant_versions(), weather_runs(), *made]


class Crew:
    """One to three workers, killed and begun again at random moments."""

    def __init__(self, settings: Settings, rng: np.random.Generator, stack: ExitStack) -> None:
        self._settings, self._rng, self._stack = settings, rng, stack
        self.workers = [self._another() for _ in range(int(rng.integers(1, 4)))]
        self.kills = 0

    def _another(self) -> RunningWorker:
        chosen = {"batch_records": int(self._rng.integers(5, 300)), "checkpoint_every_s": 0.5}
        return self._stack.enter_context(running(self._settings, **chosen))

    def disturb(self) -> None:
        """Kill one and begin another."""
        victim = int(self._rng.integers(len(self.workers)))
        self.workers[victim].kill()
        self.workers[victim] = self._another()
        self.kills += 1

    def finish(self) -> None:
        """Until everything is done, and everybody ends well."""
        for topic in (PLANTS, RELEASES, JOURNAL):
            await_true(lambda topic=topic: caught_up(self._settings, topic), 180)  # type: ignore[misc]
        codes = [worker.stop() for worker in self.workers]
        assert codes == [0] * len(codes), [worker.said() for worker in self.workers]


def live(settings: Settings, rng: np.random.Generator) -> int:
    """The live run; returns how often a worker was killed."""
    with ExitStack() as stack:
        crew = Crew(settings, rng, stack)
        crew.workers[0].wait_ready(120)
        moments = set(rng.choice(np.arange(2, 2 + HOURS // STEP_HOURS), 2, replace=False).tolist())
        for turn, records in enumerate(acts(rng)):
            send(settings, records)
            if turn < 2:  # plants, then weather, are there before telemetry
                await_true(lambda: committed(settings) != {} and caught_up(settings, PLANTS), 120)
            if any(
                one.topic == RELEASES for one in records
            ):  # it serves, or no longer, before what comes next
                await_true(lambda: caught_up(settings, RELEASES), 120)
            time.sleep(float(rng.uniform(0, 0.6)))
            if turn in moments:
                crew.disturb()
        crew.finish()
        return crew.kills


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED, SEED + RUNS))
def test_a_replay_of_a_random_range_has_the_digest_of_a_random_live_run(
    settings: Settings, command: Any, seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    kills = live(settings, rng)
    assert kills == 2
    assert identities(contents(settings, REJECTED)), "there were records to refuse"
    models = {record["model"] for _, record in contents(settings, FORECASTS)}
    assert {"cold-start", "trained"} <= models
    ranges = [(0, HOURS), *(sorted(rng.choice(HOURS, 2, replace=False).tolist()) for _ in range(RUNS))]
    for number, (first, last) in enumerate(ranges):
        part = ("--from", iso(START_MS + first * HOUR_MS), "--to", iso(START_MS + last * HOUR_MS))
        code, said = command("replay", *part, "--as", f"again{number}", "--json")
        assert code == 0, said
        assert json.loads(said)["forecasts"] > 0
        for topic in (FORECASTS, ANOMALIES):
            code, said = command("digest", topic, *part, "--diff", f"{topic}.again{number}", "--json")
            told = json.loads(said)
            assert (code, told["diff"]["same"], told["conflicts"]) == (0, True, 0), (seed, said)
