"""NASA POWER's hourly values of the recent past at a point. It is no forecast: observations only.

Values come days after the hours that they are of, weather earlier than radiation, and may be replaced.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from producers.weather.answers import HOUR_MS, Call, Floats, Longs, Place, Said
from producers.weather.sane import Reach, check_place, check_times, checked_columns, each, member, number
from schemas.errors import AnswerRefused

NAME: Final = "nasa_power"
_DAY_MS: Final = 24 * HOUR_MS
_ENERGY: Final = ("Wh/m^2", "W/m^2")  # over an hour they are the same number
_STAMP: Final = re.compile(r"\d{10}")


@dataclass(frozen=True)
class _Parameter:
    """Our column of a parameter, the units that it may come in, and what to multiply it with."""

    column: str
    units: tuple[str, ...]
    factor: float = 1.0


PARAMETERS: Final = {
    "ALLSKY_SFC_SW_DWN": _Parameter("shortwave_radiation_w_m2", _ENERGY),
    "ALLSKY_SFC_SW_DNI": _Parameter("direct_normal_irradiance_w_m2", _ENERGY),
    "ALLSKY_SFC_SW_DIFF": _Parameter("diffuse_radiation_w_m2", _ENERGY),
    "T2M": _Parameter("temperature_2m_c", ("C",)),
    "RH2M": _Parameter("relative_humidity_2m_pct", ("%",)),
    "PS": _Parameter("surface_pressure_hpa", ("kPa",), 10.0),
    "WS10M": _Parameter("wind_speed_10m_ms", ("m/s",)),
    "WD10M": _Parameter("wind_direction_10m_deg", ("Degrees", "degrees")),
    "WS50M": _Parameter("wind_speed_50m_ms", ("m/s",)),
    "WD50M": _Parameter("wind_direction_50m_deg", ("Degrees", "degrees")),
}


@dataclass(frozen=True)
class NasaPower:
    """The hourly point call over the last `days`. `now_s`: the wall clock."""

    url: str
    now_s: Callable[[], float]
    days: int = 10
    name: str = NAME
    batch: int = 1
    with_area: bool = False

    def call(self, places: Sequence[Place]) -> Call:
        today = datetime.fromtimestamp(self.now_s(), UTC).date()
        told = {
            "parameters": ",".join(PARAMETERS),
            "community": "RE",
            "latitude": f"{places[0].latitude:g}",
            "longitude": f"{places[0].longitude:g}",
            "start": f"{today - timedelta(days=self.days):%Y%m%d}",
            "end": f"{today:%Y%m%d}",
            "format": "JSON",
            "time-standard": "UTC",
        }
        return Call(f"{self.url}/api/temporal/hourly/point", told, {})

    def read(self, document: Any, places: Sequence[Place], fetched_at_ms: int) -> list[Said | AnswerRefused]:
        reach = Reach(
            first_ms=fetched_at_ms - (self.days + 3) * _DAY_MS,
            last_ms=fetched_at_ms + 2 * _DAY_MS,
            must_reach_ms=fetched_at_ms - (self.days + 3) * _DAY_MS,
        )
        return each([_read(document, places[0], reach, fetched_at_ms)])


def _read(document: Any, place: Place, reach: Reach, fetched_at_ms: int) -> Said:
    where = f"nasa power at {place}"
    coordinates = member(member(document, "geometry", dict, where), "coordinates", list, where)
    check_place(*_north_east(coordinates), place, where)
    header = member(document, "header", dict, where)
    if header.get("time_standard") != "UTC":
        standard = reprlib.repr(header.get("time_standard"))[:80]  # it cuts each level, not the whole
        raise AnswerRefused(f"{where}: the times are not in UTC but in {standard}")
    series = member(member(document, "properties", dict, where), "parameter", dict, where)
    units = member(document, "parameters", dict, where)
    stamps = sorted({stamp for one in series.values() if isinstance(one, dict) for stamp in one})
    valid_at_ms = _times(stamps, where)
    check_times(valid_at_ms, HOUR_MS, reach, where)
    columns = {
        parameter.column: _column(series.get(name), units.get(name), stamps, header, parameter)
        for name, parameter in PARAMETERS.items()
        if name in series
    }
    return _told_only(Said(place, fetched_at_ms, valid_at_ms, *checked_columns(columns, where)))


def _north_east(coordinates: list[Any]) -> tuple[Any, Any]:
    return (coordinates[1], coordinates[0]) if len(coordinates) >= 2 else (None, None)


def _times(stamps: list[str], where: str) -> Longs:
    """The ends of the hours, i8[n]: a stamp YYYYMMDDHH is the beginning of one."""
    try:
        begun = [datetime.strptime(stamp, "%Y%m%d%H").replace(tzinfo=UTC) for stamp in map(_whole, stamps)]
    except ValueError as error:
        raise AnswerRefused(f"{where}: the times cannot be read ({error})") from error
    return np.array([int(moment.timestamp() * 1000) + HOUR_MS for moment in begun], np.int64)


def _whole(stamp: str) -> str:
    if not _STAMP.fullmatch(stamp):
        raise ValueError(f"{stamp[:20]!r} is no stamp")
    return stamp


def _column(
    values: Any, told: Any, stamps: list[str], header: dict[str, Any], parameter: _Parameter
) -> Floats | None:
    """A parameter at the stamps, NaN for the fill value; None where it cannot be read."""
    unit = told.get("units") if isinstance(told, dict) else None
    if not isinstance(values, dict) or unit not in parameter.units:
        return None
    found = np.array([number(values.get(stamp)) for stamp in stamps], np.float64)
    fill = number(header.get("fill_value", -999.0))
    return np.where(found == fill, np.nan, found * parameter.factor)


def _told_only(said: Said) -> Said:
    """Without the hours of which nothing is known yet."""
    known = np.any([np.isfinite(values) for values in said.columns.values()], axis=0)
    columns = {name: values[known] for name, values in said.columns.items()}
    return Said(said.place, said.fetched_at_ms, said.valid_at_ms[known], columns, said.left_out)
