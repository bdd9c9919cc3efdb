"""A plant's whole state as bytes and back: one safetensors container, so reading it runs no code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from models import container
from models.shadows import on_same_runs
from models.spans import Span
from models.state import layout_of
from schemas.errors import GridcastError
from schemas.records import AreaPoint, PlantKind, PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun

if TYPE_CHECKING:
    from models.engine import Engine
    from models.fleet import Fleet

ABOUT = "about"


@dataclass(frozen=True)
class Snapshot:
    """State of one plant; it holds up to and including ``journal_offset``. ``day`` is that of the plant's
    clock.
    """

    plant_id: str
    day: str
    journal_offset: int
    layout: str
    state: bytes


@dataclass(frozen=True)
class Held:
    """A release that counts from a place in the journal on."""

    offset: int
    record: ReleaseRecord


@dataclass(frozen=True)
class Refusal:
    """A release record that was refused where it stood first, and why; it is the same refusal in every life.

    `identity` is a hash of what the record calls itself, so that many of them stay small.
    """

    offset: int
    identity: str
    why: str


def take(engine: Engine, plant_id: str) -> Snapshot:
    """Cut one plant out of the engine's fleet."""
    fleet, serving = engine.fleet, engine.serving
    slot = engine.slots[plant_id]
    outlook, offset = fleet.outlooks[slot], int(fleet.state["applied_offset"][slot])
    champion, beside = serving.champion_at(offset, plant_id), serving.shadow_at(offset, plant_id)
    row, used = fleet.row(slot), _models_waited_for(fleet, slot)
    _renumber_as(used, row)
    about: dict[str, Any] = {
        "versions": [asdict(v) for v in outlook.versions],
        "release": _held_json(champion) if champion else None,
        "units": fleet.units.names[slot],
        "models": [fleet.models[number] for number in used.tolist()],
        "weather_first": outlook.weather.first,
        "heard": outlook.heard,
    }
    tensors = {f"state.{name}": np.atleast_1d(column) for name, column in row.items()}
    _span_out(outlook.weather, "weather", tensors)
    if (shadow := fleet.shadows.by_slot.get(slot)) is not None:
        named = _held_json(beside) if beside else None
        about["shadow"] = {"key": shadow.key, "published_ms": shadow.published_ms, "release": named}
        columns = fleet.shadows.columns.row(shadow.row)
        _renumber_as(used, columns)
        tensors |= {f"shadow.state.{name}": column for name, column in columns.items()}
        if shadow.outlook is not None:
            about["shadow"]["weather_first"] = shadow.outlook.weather.first
            _span_out(shadow.outlook.weather, "shadow.weather", tensors)
    for group, runs in (("runs", outlook.runs), ("pending", outlook.pending)):
        about[group] = [_run_out(run, f"{group}.{i}", tensors) for i, run in enumerate(runs)]
    tensors[ABOUT] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    clock_ms = int(fleet.state["clock_ms"][slot])
    day = datetime.fromtimestamp(clock_ms / 1000, UTC).date().isoformat() if clock_ms >= 0 else ""
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items() if tensor.size}
    return Snapshot(plant_id, day, offset, layout_of(fleet.fields), container.pack(tensors))


def put(engine: Engine, taken: Snapshot) -> None:
    """Put a plant back into the engine's fleet as it was cut out.

    :raises GridcastError: the state is none; the engine must not be used any more
    """
    with _whole(f"the state of {taken.plant_id} of {taken.day}"):
        _put(engine, taken)


@contextmanager
def _whole(what: str) -> Iterator[None]:
    """What is read came from a topic, so whoever may write there chose its bytes: anything may be raised."""
    try:
        yield
    except (GridcastError, MemoryError):
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise GridcastError(
            f"{what} is damaged ({told}): only workers may write there; a null under its key removes it"
        ) from error


def _put(engine: Engine, taken: Snapshot) -> None:
    tensors = load(taken.state)
    about = json.loads(tensors[ABOUT].tobytes())
    fleet, serving = engine.fleet, engine.serving
    versions = [PlantVersion(**(v | {"kind": PlantKind(v["kind"])})) for v in about["versions"]]
    champion = serving.add(_held(about["release"])) if about["release"] else None
    slot = engine.add(versions[0], serving.release(champion))
    fields = {f.name: f for f in fleet.fields}
    row = {n[6:]: t for n, t in tensors.items() if n.startswith("state.") and n[6:] in fields}
    fleet.put(slot, {n: t if fields[n].shape else t[0] for n, t in row.items()}, about["units"])
    numbers = np.array([fleet.number(tuple(name)) for name in about["models"]] or [0], np.int16)
    _renumber(fleet.state["pending_model"], slot, numbers)
    outlook = fleet.outlooks[slot]
    outlook.versions = versions
    outlook.heard = [(published_ms, source) for published_ms, source in about["heard"]]
    outlook.runs = [_run_in(run, tensors) for run in about["runs"]]
    outlook.pending = [_run_in(run, tensors) for run in about["pending"]]
    outlook.settle(int(fleet.state["clock_ms"][slot]), int(fleet.state["issued_ms"][slot]))
    if "shadow" in about:
        _put_shadow(engine, slot, about["shadow"], tensors, numbers)
    outlook.weather = _span_in("weather", about["weather_first"], tensors)
    fleet.note(slot)


def _put_shadow(
    engine: Engine, slot: int, about: dict[str, Any], tensors: dict[str, Any], numbers: NDArray[np.int16]
) -> None:
    """Put the plant's shadow beside its champion."""
    fleet, outlook = engine.fleet, None
    if about["release"]:
        release = engine.serving.release(engine.serving.add(_held(about["release"])))
        outlook = on_same_runs(fleet.outlooks[slot], release)
        outlook.weather = _span_in("shadow.weather", about["weather_first"], tensors)
    name, version, sha256 = about["key"]
    shadow = fleet.shadows.begin(slot, (name, version, sha256), outlook)
    shadow.published_ms = about["published_ms"]
    columns, prefix = fleet.shadows.columns, "shadow.state."
    columns.put(shadow.row, {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
    _renumber(columns["pending_model"], shadow.row, numbers)


def _models_waited_for(fleet: Fleet, slot: int) -> NDArray[np.int16]:
    """Places in `Fleet.models` of those whose forecasts of a plant wait: a state names no other release."""
    shadow = fleet.shadows.by_slot.get(slot)
    held = [(fleet.state, slot), *([(fleet.shadows.columns, shadow.row)] if shadow else [])]
    return np.unique(np.concatenate([c["pending_model"][r][c["pending_issue_ms"][r] >= 0] for c, r in held]))


def _renumber_as(used: NDArray[np.int16], row: dict[str, Any]) -> None:
    """Let pending forecasts name their releases by their places in ``used``."""
    waits = row["pending_issue_ms"] >= 0
    row["pending_model"] = np.where(waits, np.searchsorted(used, row["pending_model"]), 0).astype(np.int16)


def _renumber(column: NDArray[np.int16], row: int, numbers: NDArray[np.int16]) -> None:
    """Names of releases have other places in this fleet's list than where the state was cut out."""
    column[row] = numbers[np.minimum(column[row], numbers.size - 1)]


def _span_out(span: Span, prefix: str, tensors: dict[str, Any]) -> None:
    tensors[f"{prefix}.knots"] = span.knots
    tensors[f"{prefix}.worth_ms"] = span.worth_ms
    tensors[f"{prefix}.physical"] = span.physical


def _span_in(prefix: str, first: int, tensors: dict[str, Any]) -> Span:
    if f"{prefix}.knots" not in tensors:
        return Span()
    return Span(
        first, tensors[f"{prefix}.knots"], tensors[f"{prefix}.worth_ms"], tensors[f"{prefix}.physical"]
    )


def _run_out(run: WeatherRun, prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    tensors[f"{prefix}.valid_at_ms"] = run.valid_at_ms
    every = [
        values for columns in (run.columns, *(p.columns for p in run.points)) for values in columns.values()
    ]
    tensors[f"{prefix}.values"] = np.array(every, np.float32)
    return {
        "prefix": prefix,
        "plant_id": run.plant_id,
        "source": run.source,
        "published_at_ms": run.published_at_ms,
        "known_at_ms": run.known_at_ms,
        "columns": list(run.columns),
        "points": [[p.point_id, p.latitude, p.longitude, list(p.columns)] for p in run.points],
        "journaled": run.journaled,
    }


def _run_in(about: dict[str, Any], tensors: dict[str, Any]) -> WeatherRun:
    prefix = about["prefix"]
    rows = iter(tensors.get(f"{prefix}.values", np.empty((0, 0), np.float32)).astype(np.float64))

    def columns(names: list[str]) -> dict[str, Any]:
        return {name: next(rows) for name in names}

    own = columns(about["columns"])
    points = [AreaPoint(i, lat, lon, columns(names)) for i, lat, lon, names in about["points"]]
    return WeatherRun(
        about["plant_id"],
        about["source"],
        about["published_at_ms"],
        about["known_at_ms"],
        tensors.get(f"{prefix}.valid_at_ms", np.empty(0, np.int64)),
        own,
        tuple(points),
        about["journaled"],
    )


def releases_json(held: Sequence[Held], refused: Sequence[Refusal] = ()) -> str:
    """The releases that hold in a partition, and those that were refused there, for its marker."""
    return json.dumps([*(_held_json(h) for h in held), *({"refused": asdict(one)} for one in refused)])


def releases_from(text: str) -> list[Held]:
    """The releases that a marker names."""
    with _whole("a marker"):
        return [_held(h) for h in json.loads(text) if "refused" not in h]


def refusals_from(text: str) -> list[Refusal]:
    """The refused releases that a marker names."""
    with _whole("a marker"):
        return [Refusal(**h["refused"]) for h in json.loads(text) if "refused" in h]


def _held_json(held: Held) -> dict[str, Any]:
    return {"offset": held.offset, "record": held.record.to_avro()}


def _held(about: dict[str, Any]) -> Held:
    record = about["record"] | {"role": ReleaseRole(about["record"]["role"])}
    return Held(about["offset"], ReleaseRecord.from_avro(record))
