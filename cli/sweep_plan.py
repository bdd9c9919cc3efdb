"""The config file of a sweep: what it says, checked, as a list of trainings."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any, Final, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from models.training.config import TrainConfig
from schemas.errors import InputError

KEYS: Final = ("folder", "from", "to", "base", "most", "seed", "fixed", "try")
BASES: Final = {"full": TrainConfig.full, "fast": TrainConfig.fast}
MOST_RUNS: Final = 1000
HELD: Final = ("name", "version", "code_version")  # said by the sweep, not by its config


@dataclass(frozen=True)
class Run:
    """One training: what differs from the base, by dotted name, and the settings with it."""

    tried: Mapping[str, Any]
    config: TrainConfig


@dataclass(frozen=True)
class Plan:
    """A sweep: trained on what was known before `from_ms`, scored on what came up to `to_ms`."""

    folder: Path
    from_ms: int
    to_ms: int
    runs: list[Run]


def read_plan(path: Path) -> Plan:
    """The plan of a config file; its folder counts from where the file is.

    Raises:
        InputError: it cannot be read, or names what is not there.
    """
    try:
        said = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    for name in said:
        if name not in KEYS:
            raise InputError(f"{path}: {name!r} is none of {', '.join(KEYS)}")
    for name in ("folder", "from", "to", "try"):
        if name not in said:
            raise InputError(f"{path}: {name!r} is missing")
    from_ms, to_ms = (_moment(path, name, said[name]) for name in ("from", "to"))
    if from_ms >= to_ms:
        raise InputError(f"{path}: 'to' must lie after 'from'")
    return Plan(path.parent / str(said["folder"]), from_ms, to_ms, _runs(path, said))


def _runs(path: Path, said: Mapping[str, Any]) -> list[Run]:
    base = said.get("base", "full")
    if base not in BASES:
        raise InputError(f"{path}: base is {' or '.join(BASES)}, not {base!r}")
    config = BASES[base]()
    for name, value in _table(path, said, "fixed").items():
        config = with_field(config, name, value)
    lists = _table(path, said, "try")
    for name, values in lists.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{path}: {name} under [try] is a list of values")
    combinations = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    combinations = _some(path, combinations, said)
    return [Run(tried, _with_all(config, tried)) for tried in combinations]


def _some(path: Path, found: list[dict[str, Any]], said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All combinations, or `most` of them drawn by `seed`."""
    most, seed = said.get("most", MOST_RUNS), said.get("seed", 1)
    if not isinstance(most, int) or not isinstance(seed, int) or not 1 <= most <= MOST_RUNS:
        raise InputError(f"{path}: most is a number from 1 to {MOST_RUNS}, seed is a number")
    if len(found) <= most:
        return found
    if "most" not in said:
        raise InputError(f"{path}: {len(found)} combinations are over {MOST_RUNS}: give `most`")
    return random.Random(seed).sample(found, most)


def _with_all(config: TrainConfig, tried: Mapping[str, Any]) -> TrainConfig:
    for name, value in tried.items():
        config = with_field(config, name, value)
    return config


def with_field(config: Any, name: str, value: Any) -> Any:
    """The settings with one field changed; `trees.rate` is the field `rate` of the field `trees`.

    Raises:
        InputError: there is no such field, or the value is not of its type.
    """
    first, _, rest = name.partition(".")
    known = [one.name for one in fields(config) if one.name not in HELD]
    if first not in known:
        raise InputError(f"{name!r} is no setting of a training; there are {', '.join(known)}")
    if rest:
        inner = getattr(config, first)
        if not is_dataclass(inner):
            raise InputError(f"{name!r} is no setting of a training: {first} has no parts")
        return replace(config, **{first: with_field(inner, rest, value)})
    if is_dataclass(getattr(config, first)):
        raise InputError(f"{name!r} has parts: write {name}.NAME")
    hint = get_type_hints(type(config))[first]
    try:
        adapter = TypeAdapter(hint, config=ConfigDict(strict=not isinstance(value, list)))
        return replace(config, **{first: adapter.validate_python(value)})
    except ValidationError as error:
        raise InputError(f"{name} = {value!r}: {error.errors()[0]['msg']}") from error


def _table(path: Path, said: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of dotted names; nested tables are dotted names, too."""
    from cli.experiments import flat

    found = said.get(name, {})
    if not isinstance(found, dict):
        raise InputError(f"{path}: [{name}] is a table")
    return flat(found)


def _moment(path: Path, name: str, value: Any) -> int:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise InputError(f"{path}: {name}: {error}") from error
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise InputError(f"{path}: {name} is a time, as 2014-10-01")
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
