"""OpenWeather's forecast for five days in steps of three hours: one place a call, with a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from producers.weather.answers import HOUR_MS, Call, Floats, Longs, Place, Said
from producers.weather.sane import Reach, check_place, check_times, checked_columns, each, member, number
from schemas.errors import AnswerRefused

NAME: Final = "openweather"
_STEP_H: Final = 3
_DAY_MS: Final = 24 * HOUR_MS

#: Where a value stands in an entry of the answer -> our column. Asked for in metric units.
_MEMBERS: Final = {
    ("main", "temp"): "temperature_2m_c",
    ("main", "humidity"): "relative_humidity_2m_pct",
    ("main", "grnd_level"): "surface_pressure_hpa",
    ("clouds", "all"): "cloud_cover_pct",
    ("wind", "speed"): "wind_speed_10m_ms",
    ("wind", "deg"): "wind_direction_10m_deg",
    ("wind", "gust"): "wind_gusts_10m_ms",
}


@dataclass(frozen=True)
class OpenWeather:
    """The forecast call. It knows no batches, so the points around a plant are not asked for."""

    url: str
    key: str = field(repr=False)
    name: str = NAME
    batch: int = 1
    with_area: bool = False

    def call(self, places: Sequence[Place]) -> Call:
        return Call(f"{self.url}/data/2.5/forecast", position(places[0]), {"appid": self.key})

    def read(self, document: Any, places: Sequence[Place], fetched_at_ms: int) -> list[Said | AnswerRefused]:
        reach = Reach(
            first_ms=fetched_at_ms - _DAY_MS,
            last_ms=fetched_at_ms + 8 * _DAY_MS,
            must_reach_ms=fetched_at_ms + 2 * _DAY_MS,
        )
        return each([self._read(document, places[0], reach, fetched_at_ms)])

    def _read(self, document: Any, place: Place, reach: Reach, fetched_at_ms: int) -> Said:
        where = f"openweather at {place}"
        city = member(document, "city", dict, where)
        coord = member(city, "coord", dict, where)
        check_place(coord.get("lat"), coord.get("lon"), place, where)
        entries = member(document, "list", list, where)
        return read_entries(entries, place, _STEP_H, reach, fetched_at_ms)


def position(place: Place) -> dict[str, str]:
    """The parameters that forecast and history share."""
    return {"lat": f"{place.latitude:g}", "lon": f"{place.longitude:g}", "units": "metric"}


def read_entries(entries: list[Any], place: Place, step_h: int, reach: Reach, fetched_at_ms: int) -> Said:
    """What a list of entries says, each of one time.

    Raises:
        AnswerRefused: it cannot be true.
    """
    where = f"openweather at {place}"
    valid_at_ms = _times(entries, where)
    check_times(valid_at_ms, step_h * HOUR_MS, reach, where)
    columns: dict[str, Floats | None] = {
        column: _column(entries, *names) for names, column in _MEMBERS.items() if _told(entries, *names)
    }
    columns["precipitation_mm"] = _precipitation(entries, step_h)
    return Said(place, fetched_at_ms, valid_at_ms, *checked_columns(columns, where))


def _times(entries: list[Any], where: str) -> Longs:
    stamps = [entry.get("dt") if isinstance(entry, dict) else None for entry in entries]
    if not all(isinstance(stamp, int) and abs(stamp) < 1 << 40 for stamp in stamps):
        raise AnswerRefused(f"{where}: the times cannot be read")
    return np.array(stamps, np.int64) * 1000


def _column(entries: list[Any], group: str, name: str) -> Floats:
    return np.array([number(_member(entry, group, name)) for entry in entries], np.float64)


def _told(entries: list[Any], group: str, name: str) -> bool:
    return any(_member(entry, group, name) is not None for entry in entries)


def _member(entry: Any, group: str, name: str) -> Any:
    found = entry.get(group)
    return found.get(name) if isinstance(found, dict) else None


def _precipitation(entries: list[Any], step_h: int) -> Floats:
    """Millimetres an hour: the mean over the step that ends at each entry. Dry hours are not mentioned."""
    fallen = [
        sum(number(_member(entry, kind, f"{step_h}h") or 0.0) for kind in ("rain", "snow"))
        for entry in entries
    ]
    return np.array(fallen, np.float64) / step_h
