"""Open-Meteo's forecast: hourly, in UTC, several places a call; no key for other than commercial use."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from producers.weather.answers import HOUR_MS, Call, Longs, Place, Said
from producers.weather.heights import with_wind_at_100m
from producers.weather.sane import (
    Reach,
    check_place,
    check_times,
    checked_columns,
    each,
    member,
    number,
    numbers,
)
from schemas.errors import AnswerRefused

NAME: Final = "open_meteo"
FREE: Final = "https://api.open-meteo.com"
PAID: Final = "https://customer-api.open-meteo.com"
#: Hours behind the clock that come along, so that features which look back have them.
PAST_H: Final = 6
_DAY_MS: Final = 24 * HOUR_MS

#: Open-Meteo's variable -> our column, and the unit that Open-Meteo must say. Radiation is the mean,
#: precipitation the sum of the hour before; everything else holds at the time.
SURFACE: Final[Mapping[str, tuple[str, str]]] = {
    "temperature_2m": ("temperature_2m_c", "°C"),
    "relative_humidity_2m": ("relative_humidity_2m_pct", "%"),
    "surface_pressure": ("surface_pressure_hpa", "hPa"),
    "cloud_cover": ("cloud_cover_pct", "%"),
    "cloud_cover_low": ("cloud_cover_low_pct", "%"),
    "cloud_cover_mid": ("cloud_cover_mid_pct", "%"),
    "cloud_cover_high": ("cloud_cover_high_pct", "%"),
    "precipitation": ("precipitation_mm", "mm"),
    "shortwave_radiation": ("shortwave_radiation_w_m2", "W/m²"),
    "direct_normal_irradiance": ("direct_normal_irradiance_w_m2", "W/m²"),
    "diffuse_radiation": ("diffuse_radiation_w_m2", "W/m²"),
    "wind_speed_10m": ("wind_speed_10m_ms", "m/s"),
    "wind_direction_10m": ("wind_direction_10m_deg", "°"),
    "wind_gusts_10m": ("wind_gusts_10m_ms", "m/s"),
}
ALOFT: Final[Mapping[str, tuple[str, str]]] = {
    "wind_speed_80m": ("wind_speed_80m_ms", "m/s"),
    "wind_speed_120m": ("wind_speed_120m_ms", "m/s"),
    "wind_speed_180m": ("wind_speed_180m_ms", "m/s"),
    "wind_direction_80m": ("wind_direction_80m_deg", "°"),
    "wind_direction_120m": ("wind_direction_120m_deg", "°"),
}
FORECAST: Final = {**SURFACE, **ALOFT}


@dataclass(frozen=True)
class OpenMeteo:
    """The forecast call. `url` empty: the public host, or with a key that of customers."""

    url: str = ""
    key: str = field(default="", repr=False)
    hours: int = 72
    name: str = NAME
    batch: int = 50
    with_area: bool = True

    def call(self, places: Sequence[Place]) -> Call:
        told = {"forecast_hours": str(self.hours), "past_hours": str(PAST_H)}
        host = self.url or (PAID if self.key else FREE)
        return Call(f"{host}/v1/forecast", question(places, FORECAST) | told, secret(self.key))

    def read(self, document: Any, places: Sequence[Place], fetched_at_ms: int) -> list[Said | AnswerRefused]:
        reach = Reach(
            first_ms=fetched_at_ms - 2 * _DAY_MS,
            last_ms=fetched_at_ms + self.hours * HOUR_MS + 2 * _DAY_MS,
            must_reach_ms=fetched_at_ms + self.hours * HOUR_MS // 2,
        )
        return read_places(document, places, FORECAST, reach, fetched_at_ms)


def question(places: Sequence[Place], variables: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The parameters that forecast and archive share."""
    return {
        "latitude": ",".join(f"{place.latitude:g}" for place in places),
        "longitude": ",".join(f"{place.longitude:g}" for place in places),
        "hourly": ",".join(variables),
        "timezone": "UTC",
        "timeformat": "iso8601",
        "wind_speed_unit": "ms",
        "temperature_unit": "celsius",
        "precipitation_unit": "mm",
    }


def secret(key: str) -> dict[str, str]:
    """The key as Open-Meteo takes it."""
    return {"apikey": key} if key else {}


def read_places(
    document: Any,
    places: Sequence[Place],
    variables: Mapping[str, tuple[str, str]],
    reach: Reach,
    fetched_at_ms: int,
) -> list[Said | AnswerRefused]:
    """What an answer says of each place: it is an object for one place, else a list in the order asked.

    Raises:
        AnswerRefused: it is something else, or nothing in it can be believed.
    """
    parts = document if isinstance(document, list) else [document]
    if len(parts) != len(places):
        raise AnswerRefused(f"open-meteo answered {len(parts)} places for {len(places)}: it is not used")
    return each(
        _read_or_refuse(part, place, variables, reach, fetched_at_ms)
        for part, place in zip(parts, places, strict=True)
    )


def _read_or_refuse(
    part: Any, place: Place, variables: Mapping[str, tuple[str, str]], reach: Reach, fetched_at_ms: int
) -> Said | AnswerRefused:
    try:
        return _read(part, place, variables, reach, fetched_at_ms)
    except AnswerRefused as refused:
        return refused


def _read(
    part: Any, place: Place, variables: Mapping[str, tuple[str, str]], reach: Reach, fetched_at_ms: int
) -> Said:
    where = f"open-meteo at {place}"
    hourly = member(part, "hourly", dict, where)
    check_place(part.get("latitude"), part.get("longitude"), place, where)
    valid_at_ms = _times(member(hourly, "time", list, where), part.get("utc_offset_seconds", 0), where)
    check_times(valid_at_ms, HOUR_MS, reach, where)
    units = member(part, "hourly_units", dict, where)
    columns = {
        column: numbers(hourly[variable], len(valid_at_ms)) if units.get(variable) == unit else None
        for variable, (column, unit) in variables.items()
        if _says_anything(hourly.get(variable))
    }
    sound, left_out = checked_columns(columns, where)
    return Said(place, fetched_at_ms, valid_at_ms, with_wind_at_100m(sound), left_out)


def _says_anything(values: Any) -> bool:
    """Whether a variable is there. One that a weather model does not have is null throughout, of no unit."""
    return values is not None and not (isinstance(values, list) and all(value is None for value in values))


def _times(stamps: list[Any], offset_s: Any, where: str) -> Longs:
    """Stamps as epoch milliseconds. They carry no offset themselves: the answer says one for all of them."""
    shift_ms = number(offset_s) * 1000
    if not abs(shift_ms) <= _DAY_MS:
        raise AnswerRefused(
            f"{where}: utc_offset_seconds is {reprlib.repr(offset_s)[:80]}: the times cannot be read"
        )
    try:
        moments = [datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() for stamp in stamps]
    except (TypeError, ValueError, OverflowError) as error:
        raise AnswerRefused(f"{where}: the times cannot be read ({error})") from error
    return np.array([round(moment * 1000) for moment in moments], np.int64) - round(shift_ms)
