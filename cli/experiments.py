"""Experiments: what was trained with which settings, and what came of it; a line each in a file, and in
MLflow where GRIDCAST_MLFLOW_URI names one.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.output import note, plain
from schemas.errors import GridcastError

if TYPE_CHECKING:
    from infra.settings import Settings

FOLDER: Final = "experiments"
LONGEST_PARAM: Final = 500  # characters, MLflow's least limit


def record(
    settings: Settings,
    kind: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float | None],
    seconds: float,
    hashes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write one experiment to `experiments/KIND.jsonl` under the home folder, whole or not at all.

    `kind` is what made it ("train", "sweep"); `params` may be nested; `hashes` say of what data and code.
    Nothing is overwritten: what was tried stays known. Returns the line. A failure of MLflow is told, not
    raised: the file has it.
    """
    line = {
        "at": datetime.now(UTC),
        "kind": kind,
        "params": flat(params),
        "metrics": {n: v if v is not None and isfinite(v) else None for n, v in metrics.items()},
        "seconds": round(seconds, 2),
        "hashes": dict(hashes or {}),
    }
    text = json.dumps(line, default=plain, allow_nan=False)
    _append(path_of(settings, kind), text)
    if settings.mlflow_uri:
        try:
            _to_mlflow(settings.mlflow_uri, json.loads(text))
        except Exception as error:  # noqa: BLE001 - whatever a server or its client does, the training is done
            note(f"MLflow did not take the experiment: {' '.join(str(error).split())[:200]}")
    return dict(json.loads(text))


def ready(settings: Settings) -> None:
    """Look before a long training whether what is asked for can be written to at all.

    Raises:
        GridcastError: GRIDCAST_MLFLOW_URI is set, and MLflow is not installed.
    """
    from importlib.util import find_spec

    if not settings.mlflow_uri:
        return
    try:
        there = find_spec("mlflow") is not None
    except ValueError:  # what Python says of a module that was shut out
        there = False
    if not there:
        raise GridcastError(
            "GRIDCAST_MLFLOW_URI is set, but MLflow is not installed: pip install mlflow-skinny, or unset it"
        )


def read(settings: Settings, kind: str) -> Iterator[dict[str, Any]]:
    """The experiments of a kind, oldest first; a line that was cut off by a crash is passed over."""
    path = path_of(settings, kind)
    if not path.exists():
        return
    for text in path.read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line


def path_of(settings: Settings, kind: str) -> Path:
    """Where the experiments of a kind stand."""
    return settings.home / FOLDER / f"{kind}.jsonl"


def flat(params: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested parameters by their dotted names."""
    made: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            made |= flat(value, f"{before}{name}.")
        else:
            made[f"{before}{name}"] = value
    return made


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two trainings at once never mix their lines
        file.seek(0, 2)
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")  # the line before was cut off
        file.write(text.encode() + b"\n")


def _to_mlflow(uri: str, line: Mapping[str, Any]) -> None:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(f"gridcast-{line['kind']}")
    with mlflow.start_run():
        mlflow.log_params({name: str(value)[:LONGEST_PARAM] for name, value in line["params"].items()})
        numbers = {name: value for name, value in line["metrics"].items() if value is not None}
        mlflow.log_metrics({**numbers, "seconds": line["seconds"]})
        mlflow.set_tags({f"sha256.{name}": value for name, value in line["hashes"].items()})
