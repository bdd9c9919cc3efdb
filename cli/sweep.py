"""`gridcast sweep`: many trainings, compared on days that none of them has seen."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.output import Advance, emit, iso, json_option, plain, progress, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.sweep_plan import Plan, Run
    from infra.settings import Settings
    from models.training.config import TrainConfig
    from models.training.dataset import PlantHistory

KIND: Final = "sweep"
PERCENT: Final = 100.0
PERCENT_OF_ALL: Final = 100  # steps of the bar for one run
LEADS: Final = ("1h", "24h")


@click.command(epilog="Example:  gridcast sweep sweep.toml")
@click.argument("config", metavar="CONFIG", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def command(config: Path, as_json: bool) -> int:
    """Train on a folder with every combination of some settings, and compare what comes of it.

    CONFIG is a TOML file: a folder, a range that is held back, and lists of values under [try]. Each result
    is kept, so that a sweep that was interrupted goes on, and nothing is trained twice on the same data and
    code. Exit code 1 where a combination could not be trained; the others are told all the same.
    """
    from cli import experiments
    from cli.sweep_plan import read_plan
    from infra import settings

    found = settings.load()
    experiments.ready(found)
    plan = read_plan(config)
    rows = _Sweep(found, plan, as_json).rows()
    emit(_document(plan, rows), as_json, _lines(plan, rows))
    return int(any(row["error"] for row in rows))


class _Sweep:
    """The runs of a plan, each from the file of experiments or trained now."""

    def __init__(self, found: Settings, plan: Plan, quiet: bool) -> None:
        from cli import experiments, training

        self._settings, self._plan, self._quiet = found, plan, quiet
        self._seen, self._whole = _histories(plan)
        self._hashes = {"data": _data_sha256(plan, self._seen, self._whole), "code": training.code_sha256()}
        self._done = {line["hashes"].get("run"): line for line in experiments.read(found, KIND)}

    def rows(self) -> list[dict[str, Any]]:
        """One row a run, the best first."""
        made = []
        count = len(self._plan.runs)
        with progress("sweep", PERCENT_OF_ALL * count, self._quiet) as advance:
            for number, run in enumerate(self._plan.runs, start=1):
                made.append(self._row(run, _numbered(advance, f"{number} of {count}")))
        return sorted(made, key=lambda row: (row["error"] is not None, row.get("pinball")))

    def _row(self, run: Run, advance: Advance) -> dict[str, Any]:
        key = self._key(run.config)
        line = self._done.get(key)
        known = line is not None
        if line is None:
            try:
                line = self._train(run, key, advance)
            except Exception as error:  # noqa: BLE001 - one that cannot be trained must not cost the others
                return {**run.tried, "seconds": 0.0, "known": False, "error": " ".join(str(error).split())}
            self._done[key] = line
        else:
            advance(PERCENT_OF_ALL, "known")
        return {**run.tried, **line["metrics"], "seconds": line["seconds"], "known": known, "error": None}

    def _train(self, run: Run, key: str, advance: Advance) -> dict[str, Any]:
        from cli import experiments, training

        reached = _Reached(advance)
        began = time.monotonic()
        release = training.fit(self._seen, run.config, reached.told)
        metrics = _metrics(release, self._whole, self._plan.from_ms)
        params = {"tried": dict(run.tried), "from": iso(self._plan.from_ms), "to": iso(self._plan.to_ms)}
        params |= {"folder": self._plan.folder.name, "config": asdict(run.config)}
        line = experiments.record(
            self._settings, KIND, params, metrics, time.monotonic() - began, {**self._hashes, "run": key}
        )
        reached.rest()
        return line

    def _key(self, config: TrainConfig) -> str:
        """What makes two runs the same: data, code, range and every setting."""
        return _sha256({**self._hashes, "from": self._plan.from_ms, "config": asdict(config)})


def _numbered(advance: Advance, said: str) -> Advance:
    return lambda steps, text: advance(steps, f"{said} {text}")


class _Reached:
    """A training's stages as steps of a bar: each run is 100 of them, whatever its stages are."""

    def __init__(self, advance: Advance) -> None:
        self._advance, self._given, self._stages = advance, 0, 0
        self._stage = ""

    def told(self, stage: str, part: float) -> None:
        if stage != self._stage:
            self._stage, self._stages = stage, self._stages + 1
        # How many stages are to come is not known: each has half of what is left.
        reached = PERCENT_OF_ALL * (1.0 - 0.5 ** (self._stages - 1) * (1.0 - 0.5 * min(part, 1.0)))
        steps = max(int(reached) - self._given, 0)
        self._given += steps
        self._advance(steps, stage)

    def rest(self) -> None:
        self._advance(PERCENT_OF_ALL - self._given, "done")


def _histories(plan: Plan) -> tuple[list[PlantHistory], list[PlantHistory]]:
    """What was known before the held-back range, and before its end.

    Raises:
        InputError: the folder is wrong, or holds nothing in one of both.
    """
    from models.training import dataset
    from producers.folder import read_folder
    from producers.order import merge
    from producers.ticks import issue_ticks
    from schemas.errors import InputError

    folder = read_folder(plan.folder, time.time_ns() // 1_000_000)
    journal = merge(folder, issue_ticks(folder, 3600, plan.to_ms, plan.to_ms))
    made = []
    for at_ms in (plan.from_ms, plan.to_ms):
        telemetry = journal.columns(0, journal.place_of(at_ms))
        made.append(dataset.histories(folder.plants, telemetry, folder.runs, at_ms - 1))
    seen, whole = made
    if not seen:
        raise InputError(f"{plan.folder}: no power was known before {iso(plan.from_ms)}: begin later")
    if all(int(one.end_ms[-1]) <= plan.from_ms for one in whole):
        raise InputError(f"{plan.folder}: no power came from {iso(plan.from_ms)} to {iso(plan.to_ms)}")
    return seen, whole


def _metrics(release: Any, whole: Sequence[PlantHistory], from_ms: int) -> dict[str, float | None]:
    """Means over plants and lead times of the held-back hours, in % of capacity."""
    import numpy as np

    from models.training import select
    from schemas.errors import InputError

    found = [s for s in (select.trial(release, one, from_ms).scores for one in whole) if s]
    if not found:
        raise InputError("too few hours are held back to score anything: let `to` be later")
    every = [list(leads.values()) for leads in found]
    metrics: dict[str, float | None] = {
        "pinball": float(np.mean([np.mean([one.pinball for one in leads]) for leads in every])) * PERCENT,
        "nmae": float(np.mean([np.mean([one.nmae for one in leads]) for leads in every])) * PERCENT,
        "coverage80": float(np.mean([np.mean([one.coverage80 for one in leads]) for leads in every])),
    }
    for lead in LEADS:
        errors = [leads[lead].nmae for leads in found if lead in leads]
        metrics[f"nmae_{lead}"] = float(np.mean(errors)) * PERCENT if errors else None
    return {name: None if value is None else round(value, 5) for name, value in metrics.items()}


def _data_sha256(plan: Plan, *parts: Sequence[PlantHistory]) -> str:
    from models.training.manifest import data_sha256

    return _sha256([plan.from_ms, plan.to_ms, *([data_sha256(one) for one in part] for part in parts)])


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=plain).encode()).hexdigest()


def _document(plan: Plan, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"folder": plan.folder, "from": iso(plan.from_ms), "to": iso(plan.to_ms), "runs": rows}


def _lines(plan: Plan, rows: list[dict[str, Any]]) -> Iterator[str]:
    yield f"held back: {iso(plan.from_ms)} to {iso(plan.to_ms)}; errors in % of capacity, the best first"
    yield from table([_shown(row) for row in rows if row["error"] is None])
    for row in rows:
        if row["error"] is not None:
            tried = ", ".join(f"{name} = {row[name]}" for name in plan.runs[0].tried)
            yield f"failed: {tried}: {row['error']}"
    known = sum(bool(row["known"]) for row in rows)
    if known:
        yield f"{known} of {len(rows)} were known from before"


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("known", "error")
    return {name: str(v) if isinstance(v, list) else v for name, v in row.items() if name not in left_out}
