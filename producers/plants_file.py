"""`plants.csv`: the registry rows of a canonical folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from models.windows import ISSUES_S, LOOKED_AT, RESOLUTIONS_S
from producers.problems import Problems
from producers.table import NO_TIME, Floats, Longs, Table, numbers, texts, times, words
from schemas.records import PlantKind

NEEDED: Final = ("plant_id", "kind", "capacity_kw")
DEFAULT_ISSUE_S: Final = 900

#: Optional numbers: what they may be, and how to say so.
_RANGES: Final[dict[str, tuple[float, float, str]]] = {
    "latitude": (-90, 90, "degrees north, from -90 to 90"),
    "longitude": (-180, 180, "degrees east, from -180 to 180"),
    "hub_height_m": (1, 500, "metres, from 1 to 500"),
    "tilt_deg": (0, 90, "degrees from the horizontal, from 0 to 90"),
    "azimuth_deg": (0, 360, "degrees clockwise from north, from 0 to 360"),
}
_KNOWN: Final = {
    *NEEDED,
    *_RANGES,
    "min_kw",
    "resolution_s",
    "issue_every_s",
    "scan_s",
    "timezone",
    "valid_from",
}


@dataclass(frozen=True)
class PlantRow:
    """One row: what the registry says of a plant from `valid_from_ms` on (None: from the first record on)."""

    plant_id: str
    kind: PlantKind
    capacity_kw: float
    valid_from_ms: int | None
    resolution_s: int | None
    scan_s: int | None
    issue_every_s: int
    latitude: float | None
    longitude: float | None
    min_kw: float | None
    hub_height_m: float | None
    tilt_deg: float | None
    azimuth_deg: float | None
    timezone: str | None


def plant_rows(table: Table, problems: Problems) -> list[PlantRow]:
    """The rows of `plants.csv` in file order; none where one of them is at fault."""
    if not len(table):
        problems.add(table.file, None, None, "has no plant: write one row for each")
    unknown = [name for name in table.columns if name not in _KNOWN]
    if unknown:
        problems.note(f"{table.file}: columns that mean nothing here are ignored: {', '.join(unknown)}")
    rows = _Reader(table, problems).rows()
    _check_histories(table, rows, problems)
    return rows


class _Reader:
    """Converts and checks the columns of one `plants.csv`."""

    def __init__(self, table: Table, problems: Problems) -> None:
        self.table = table
        self.problems = problems

    def rows(self) -> list[PlantRow]:
        before = self.problems.count
        codes, names = texts(self.table, "plant_id", self.problems)
        kinds, known_kinds = self._kinds()
        capacity_kw = self._capacities()
        valid_from_ms = self._optional_times("valid_from")
        resolution_s = self._whole("resolution_s", _is_resolution, f"one of {_listed(RESOLUTIONS_S)} seconds")
        scan_s = self._whole("scan_s", lambda s: 0 < s <= 3600, "whole seconds, from 1 to 3600")
        issue_s = self._whole("issue_every_s", ISSUES_S.__contains__, f"one of {_listed(ISSUES_S)} seconds")
        self._refuse(
            "issue_every_s",
            issue_s > LOOKED_AT * resolution_s,
            lambda i: f"{issue_s[i]:g} s are more than {LOOKED_AT} intervals of {resolution_s[i]:g} s",
        )
        ranged = {name: self._ranged(name) for name in _RANGES}
        min_kw = self._numbers("min_kw")
        out = np.abs(min_kw) > capacity_kw
        self._refuse(
            "min_kw", out, lambda i: f"{min_kw[i]:g} is no power of {capacity_kw[i]:g} kW: give the lowest"
        )
        zones = self._zones()
        if self.problems.count > before:
            return []
        return [
            PlantRow(
                plant_id=names[codes[i]],
                kind=PlantKind(known_kinds[kinds[i]]),
                capacity_kw=float(capacity_kw[i]),
                valid_from_ms=None if valid_from_ms[i] == NO_TIME else int(valid_from_ms[i]),
                resolution_s=_int(resolution_s[i]),
                scan_s=_int(scan_s[i]),
                issue_every_s=_int(issue_s[i]) or DEFAULT_ISSUE_S,
                min_kw=_float(min_kw[i]),
                timezone=zones[i],
                **{name: _float(values[i]) for name, values in ranged.items()},
            )
            for i in range(len(self.table))
        ]

    def _kinds(self) -> tuple[np.ndarray, list[str]]:
        codes, names = texts(self.table, "kind", self.problems)
        wrong = {i for i, name in enumerate(names) if name and name not in set(PlantKind)}
        self._refuse(
            "kind", np.isin(codes, list(wrong)), lambda i: f"{names[codes[i]]!r} is neither wind nor solar"
        )
        return codes, names

    def _capacities(self) -> Floats:
        values = numbers(self.table, "capacity_kw", self.problems, needed=True)
        self._refuse("capacity_kw", values <= 0, lambda i: f"{values[i]:g} is no capacity: give kW over 0")
        return values

    def _numbers(self, column: str) -> Floats:
        if column not in self.table:
            return np.full(len(self.table), np.nan)
        return numbers(self.table, column, self.problems)

    def _ranged(self, column: str) -> Floats:
        low, high, words_for_it = _RANGES[column]
        values = self._numbers(column)
        out = (values < low) | (values > high)
        self._refuse(column, out, lambda i: f"{values[i]:g} is out of range: give {words_for_it}")
        return values

    def _whole(self, column: str, fits: Callable[[float], bool], wanted: str) -> Floats:
        values = self._numbers(column)
        bad = np.array([bool(v == v) and not fits(v) for v in values], np.bool_)
        self._refuse(column, bad, lambda i: f"{values[i]:g} does not fit: give {wanted}, or leave it empty")
        return values

    def _optional_times(self, column: str) -> Longs:
        if column not in self.table:
            return np.full(len(self.table), NO_TIME)
        return times(self.table, column, self.problems, needed=False)

    def _zones(self) -> list[str | None]:
        if "timezone" not in self.table:
            return [None] * len(self.table)
        zones = words(self.table, "timezone")
        bad = np.array([zone is not None and not is_zone(zone) for zone in zones], np.bool_)
        self._refuse("timezone", bad, lambda i: f"{zones[i]!r} is no time zone: give a name as Europe/Paris")
        return zones

    def _refuse(self, column: str, bad: np.ndarray, what: Callable[[int], str]) -> None:
        at = np.flatnonzero(bad)
        faults = ((int(self.table.row[i]), what(int(i))) for i in at)
        self.problems.add_rows(self.table.file, faults, column)


def _check_histories(table: Table, rows: list[PlantRow], problems: Problems) -> None:
    first: dict[str, PlantRow] = {}
    seen: set[tuple[str, int | None]] = set()
    for line, row in zip(table.row if rows else [], rows, strict=True):
        identity = (row.plant_id, row.valid_from_ms)
        if identity in seen:
            what = f"{row.plant_id} stands twice: give each row of its history another valid_from"
            problems.add(table.file, int(line), "plant_id", what)
        seen.add(identity)
        kind = first.setdefault(row.plant_id, row).kind
        if row.kind is not kind:
            what = f"{row.plant_id} was {kind.value} in an earlier row: a plant keeps its kind"
            problems.add(table.file, int(line), "kind", what)
        if (row.latitude is None) != (row.longitude is None):
            missing = "latitude" if row.latitude is None else "longitude"
            problems.add(table.file, int(line), missing, "is empty: give both coordinates or neither")


def _is_resolution(seconds: float) -> bool:
    return seconds in RESOLUTIONS_S


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _listed(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))


def _int(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _float(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
