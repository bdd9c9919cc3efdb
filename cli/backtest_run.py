"""A backtest of a folder from end to end: journal, trainings, engine, table, scores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.backtest_table import ForecastTable, score
from cli.times import Period, iso_day
from models import backtest
from models.engine import Engine
from models.release import Release
from models.steps import EngineSettings
from models.training import dataset, train
from models.training.config import TrainConfig
from producers.folder import Folder
from producers.order import Journal, merge
from producers.ticks import issue_ticks
from schemas.errors import InputError
from schemas.records import ReleaseRecord, ReleaseRole

NAME: Final = "backtest"
LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
#: `told(stage, part)`: what is going on, and how much of it is done, 0 to 1.
Told = Callable[[str, float], None]


@dataclass(frozen=True)
class Options:
    """What to issue. Durations in seconds, times in epoch milliseconds; `retrain` None: never."""

    from_ms: int
    to_ms: int
    issue_s: int = 3600
    step_s: int = 3600
    horizon_s: int = 86_400
    levels: tuple[float, ...] = LEVELS
    retrain: Period | None = None
    blind: bool = False

    def engine(self) -> EngineSettings:
        """The engine's settings."""
        return EngineSettings(
            levels=self.levels,
            horizon_s=self.horizon_s,
            step_s=self.step_s,
            issue_every_s=self.issue_s,
            blind=self.blind,
        )

    def trainings_ms(self) -> list[int]:
        """When to train: at the start, and after each period of `retrain`."""
        return [self.from_ms] if self.retrain is None else list(self.retrain.within(self.from_ms, self.to_ms))


def run(folder: Folder, options: Options, config: TrainConfig, out: Path, told: Told) -> dict[str, Any]:
    """Write `forecasts.parquet` into `out` and return what was done, with the scores.

    Raises:
        InputError: there is nothing to train on before the range, or nothing to score in it.
    """
    _check(folder, options)
    journal = merge(folder, _ticks(folder, options))
    trainer = Trainer(journal, config, told)
    engine = Engine(options.engine(), trainer.load)
    trainings = options.trainings_ms()
    start_ms = options.from_ms - backtest.WARM_UP_MS

    def reached(known_at_ms: int) -> None:
        told("issues", (known_at_ms - start_ms) / (options.to_ms - start_ms))

    out.mkdir(parents=True, exist_ok=True)
    path, partial = out / "forecasts.parquet", out / ".forecasts.parquet.partial"
    with ForecastTable(partial, options.levels, options.from_ms, options.to_ms) as table:
        counts = backtest.run(
            journal,
            engine,
            trainer.train,
            trainings,
            options.to_ms,
            lambda said: table.add(said.forecasts),
            reached,
        )
    partial.replace(path)
    return {
        "forecasts": table.issues,
        "rows": table.rows,
        "trainings": len(trainings),
        "records": counts["records"],
        "scores": score(path, folder, options.step_s, options.horizon_s),
    }


def _check(folder: Folder, options: Options) -> None:
    """Say before anything is trained that nothing could be scored."""
    stamps = folder.telemetry.event_time_ms
    if len(stamps) and int(stamps.max()) < options.from_ms:
        raise InputError(
            f"{folder.path}: its telemetry ends before {iso_day(options.from_ms)}: no forecast would meet an"
            " actual; begin earlier with --from"
        )


def _ticks(folder: Folder, options: Options) -> Any:
    first_ms = min(options.from_ms, folder.first_known_ms())
    return issue_ticks(
        folder, options.issue_s, max(first_ms, options.from_ms - backtest.WARM_UP_MS), options.to_ms
    )


class Trainer:
    """Trains releases on what a journal knew before a time, and hands them to the engine."""

    def __init__(self, journal: Journal, config: TrainConfig, told: Told) -> None:
        self._journal = journal
        self._config = config
        self._told = told
        self._made: dict[str, Release] = {}

    def train(self, at_ms: int) -> ReleaseRecord:
        """The record of a release from what was known before a time.

        Raises:
            InputError: nothing was known then.
        """
        from dataclasses import replace

        folder = self._journal.folder
        telemetry = self._journal.columns(0, self._journal.place_of(at_ms))
        histories = dataset.histories(folder.plants, telemetry, folder.runs, at_ms - 1)
        if not histories:
            raise InputError(
                f"{folder.path}: no power was known before {iso_day(at_ms)}: begin later with --from"
            )
        version = iso_day(at_ms)
        self._made[version] = train.train(histories, replace(self._config, version=version), self._told)
        return ReleaseRecord(
            name=self._config.name,
            version=version,
            valid_from_ms=at_ms,
            known_at_ms=at_ms,
            role=ReleaseRole.CHAMPION,
            artifact_sha256=version,
            artifact_bytes=0,
        )

    def load(self, record: ReleaseRecord) -> Release:
        """The release of a record that `train` has returned."""
        return self._made[record.version]


def config(fast: bool, seed: int, blind: bool) -> TrainConfig:
    """How a backtest trains; `fast` for a first look."""
    make = TrainConfig.fast if fast else TrainConfig.full
    return make(seed=seed, blind=blind, name=NAME, threads=os.cpu_count() or 1)
