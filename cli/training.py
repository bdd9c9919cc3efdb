"""One training from PostgreSQL to a verdict: what `train` does, alone or for `schedule`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

import click

from consumers.history import read_history
from consumers.refused import read_refused
from infra.postgres import transaction
from infra.registry import schema_ids
from models.release import cold_start
from models.training import dataset, fitness, gate, select
from models.training.train import train
from schemas.codec import Codec
from schemas.errors import GridcastError, InputError, ReleaseRefused
from schemas.journal import TelemetryColumns
from streams.artifacts import Artifacts

if TYPE_CHECKING:
    from cli.releasing import Releases
    from infra.settings import Settings
    from models.release import Release
    from models.training.config import TrainConfig
    from models.training.dataset import PlantHistory
    from models.training.gate import Verdict
    from models.training.hold_back import Split
    from schemas.records import ReleaseRecord

Told = Callable[[str, float], None]


def known_histories(found: Settings, until_ms: int, plants: tuple[str, ...] = ()) -> list[PlantHistory]:
    """What PostgreSQL knew before a time of these plants, of all where none is named."""
    with transaction(found, "gridcast-train") as cursor:
        history = read_history(cursor, until_ms)
        # Refused again, but counted: a day in watts is told by what was refused of it.
        refused = read_refused(cursor, Codec(schema_ids(found)), until_ms)
    telemetry = TelemetryColumns.concat([history.telemetry, refused])
    wanted = [one for one in history.plants if not plants or one.plant_id in plants]
    refuse_unknown(plants, {one.plant_id for one in wanted})
    made = dataset.histories(wanted, telemetry, history.runs, until_ms)
    if not made:
        raise InputError("PostgreSQL holds no telemetry to train on: is `gridcast sink` running?")
    return made


def corrections(named: Sequence[str]) -> tuple[str, ...]:
    """The corrections to judge when some are named: those that are always judged, then these.

    Raises:
        UsageError: one is named that is not there.
    """
    from models.training.config import TrainConfig
    from models.training.correction import NAMES

    unknown = [name for name in named if name not in NAMES]
    if unknown:
        raise click.UsageError(f"no correction is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    return tuple(dict.fromkeys((*TrainConfig.corrections, *named))) if named else ()


def refuse_unknown(plants: tuple[str, ...], known: set[str]) -> None:
    """Raise `InputError` where a plant is named that PostgreSQL does not know."""
    unknown = set(plants) - known
    if unknown:
        raise InputError(
            f"PostgreSQL knows no plant {', '.join(sorted(unknown))}: see `gridcast plants list`"
        )


def fit(histories: list[PlantHistory], config: TrainConfig, told: Told) -> Release:
    """A release from histories; `told` hears of each stage and how far it is, 0 to 1."""
    try:
        return train(histories, config, told)
    except ModuleNotFoundError as error:
        raise GridcastError(f"training needs {error.name}: pip install 'gridcast[train]'") from error
    except ValueError as error:
        raise InputError(f"nothing could be trained: {error}") from error


def champions(
    found: Settings, releases: Releases, histories: list[PlantHistory], warn: Callable[[str], None]
) -> dict[str, Release]:
    """What serves each plant now; a plant on the cold start is left out, and one whose release cannot be read
    any more (workers are on the cold start there too).
    """
    artifacts = Artifacts(found, releases.codec)
    made: dict[str, Release] = {}
    for plant_id in (history.plant.plant_id for history in histories):
        record = releases.champion_of(plant_id)
        if record is None:
            continue
        try:
            made[plant_id] = artifacts.load_release(record)
        except ReleaseRefused as error:
            warn(
                f"release {record.name} {record.version} cannot be read, so the cold start is judged: {error}"
            )
    return made


def judge(candidate: Release, serving: dict[str, Release], split: Split) -> tuple[Verdict, fitness.Fitness]:
    """The verdict on a candidate: its skill on the held-back days, NaN and limits there, and its speed."""
    # Of the processor's time: a schedule trains beside a busy worker and gives way to it.
    fit_for = fitness.measure(candidate, split.whole, time.process_time)
    verdict = gate.judge(candidate, serving, cold_start(), split)
    if verdict.better and fit_for.trouble is not None:
        verdict = replace(verdict, better=False, reason=fit_for.trouble)
    return verdict, fit_for


def described(release: Release, verdict: Verdict, speed: fitness.Fitness | None, refitted: bool) -> Release:
    """The release with scores, verdict and the hash of the code in its manifest."""
    scored = select.with_scores(release, verdict.candidate)
    more = {
        "verdict": verdict.to_json(),
        "refitted": refitted,
        "speed": None if speed is None else speed.to_json(),
        "code_sha256": code_sha256(),
    }
    return replace(scored, manifest={**scored.manifest, **more})


@cache
def code_sha256() -> str:
    """A hash of all sources under `models/`: what training and serving were."""
    digest = hashlib.sha256()
    for name, path in sorted(_sources(files("models"), "models").items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(folder: Traversable, name: str) -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for one in folder.iterdir():
        path = f"{name}/{one.name}"
        if one.is_dir():
            found |= _sources(one, path)
        elif one.name.endswith(".py"):
            found[path] = one
    return found


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def known_to_serve(record: ReleaseRecord | None) -> str:
    """What serves, in words."""
    return "the built-in cold start" if record is None else f"{record.name} {record.version}"
