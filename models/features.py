"""Every feature with its unit and where it comes from: asked of the functions that make them.

Names are made of what they stand for, so units follow from names; a feature that was added with a name that
follows no rule here is a `LookupError`, and the tests notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.forecast import closed_form, correction_features, weather_features
from models.forecast.base import HOUR_MS
from schemas.records import AreaPoint, PlantKind, PlantVersion, WeatherRun

HOURS: Final = 48
WEATHER_MODEL: Final = "weather model"
NET: Final = "correction net"
CLOSED_FORM: Final = "closed-form correction"

#: Columns as weather sources have them, for those who ask without a folder or a release.
EXAMPLE_COLUMNS: Final = {
    PlantKind.WIND: (
        "wind_speed_10m_ms",
        "wind_direction_10m_deg",
        "wind_speed_100m_ms",
        "wind_direction_100m_deg",
        "temperature_2m_c",
        "surface_pressure_hpa",
    ),
    PlantKind.SOLAR: (
        "shortwave_radiation_w_m2",
        "cloud_cover_pct",
        "temperature_2m_c",
        "wind_speed_10m_ms",
    ),
}


@dataclass(frozen=True)
class Feature:
    """One input of a model: its unit, the feed it comes from, and what it is in a few words."""

    stage: str
    name: str
    unit: str
    source: str
    meaning: str


#: The end of a column's name says its unit; longer ends first.
UNITS: Final = (
    ("_kw_m2", "kW/m2"),
    ("_w_m2", "W/m2"),
    ("_kg_m3", "kg/m3"),
    ("_kg_m2", "kg/m2"),
    ("_j_m2", "J/m2"),
    ("_hpa", "hPa"),
    ("_pct", "%"),
    ("_deg", "degrees"),
    ("_ms", "m/s"),
    ("_mm", "mm"),
    ("_kw", "kW"),
    ("_pa", "Pa"),
    ("_c", "degrees C"),
    ("_k", "K"),
    ("_h", "h"),
    ("_m", "m"),
)

_SHARE: Final = "share of capacity"
_SCORE: Final = "standard deviations"
_BOTH: Final = "telemetry and base forecast"
#: Features of the corrections by their names: unit, source, meaning.
_RULES: Final = tuple(
    (re.compile(pattern), unit, source, meaning)
    for pattern, unit, source, meaning in (
        (r"solar", "flag", "registry", "the plant is solar"),
        (r"age_h", "h", "telemetry", "age of the newest complete interval"),
        (r"(target_)?hour_(sin|cos)", "1", "clock", "time of day in UTC as an angle"),
        (r"last", _SHARE, "telemetry", "newest complete interval"),
        (r"last_base", _SHARE, "base forecast", "median of the base at that interval"),
        (r"last_base_width", _SHARE, "base forecast", "P90 minus P10 of the base at that interval"),
        (r"last_error", _SHARE, _BOTH, "newest interval minus the base's median"),
        (r"last_score_missing", "flag", "telemetry", "there is no newest interval"),
        (r"missing_(\d+)h_ago", "flag", "telemetry", r"the hour that ended \1 h ago has no value"),
        (r"power_mean_(\d+)h", _SHARE, "telemetry", r"mean power of \1 trailing hours"),
        (r"power_spread_(\d+)h", _SHARE, "telemetry", r"standard deviation of power over \1 trailing hours"),
        (r"power_(\d+)h_ago", _SHARE, "telemetry", r"power of the hour that ended \1 h ago"),
        (r"error_(\d+)h_ago", _SHARE, _BOTH, r"power minus the base's median, \1 h ago"),
        (r"error_mean_(\d+)h", _SHARE, _BOTH, r"power minus the base's median, mean of \1 h"),
        (r"error_fading", _SHARE, _BOTH, "power minus the base's median, newer hours weigh more"),
        (r"last_score", _SCORE, _BOTH, "place of the newest interval in the base, as normal score"),
        (r"score_(\d+)h_ago", _SCORE, _BOTH, r"place of power in the base, \1 h ago"),
        (r"score_mean_(\d+)h", _SCORE, _BOTH, r"place of power in the base, mean of \1 h"),
        (r"score_fading", _SCORE, _BOTH, "place of power in the base, newer hours weigh more"),
        (r"known_24h", "share of hours", "telemetry", "trailing hours that have a value"),
        (r"base_(\d+)", _SHARE, "base forecast", r"knot \1 of the base at the step"),
        (r"base_width", _SHARE, "base forecast", "P90 minus P10 of the base at the step"),
        (r"base_change", _SHARE, "base forecast", "median of the base: step minus newest interval"),
        (r"log_lead", "log of h", "issue", "lead time: log(1 + h)"),
        (r"(very_)?soon", "1", "issue", "lead time: a fading exponential"),
        (r"interval_h", "h", "issue", "length of the step"),
        (r"daylight", "flag", "sun", "the sun is up during the step"),
        (r"weather_based", "flag", "weather run", "the base at the step is weather, not climatology"),
        (r"closed_form_shift", _SHARE, _BOTH, "where the newest standing leads"),
        (r"now|hour_before", _SCORE, _BOTH, "place of power in the base"),
        (r"mean_(\d+)h", _SCORE, _BOTH, r"place of power in the base, mean of \1 h"),
        (r"one", "1", "constant", "intercept"),
    )
)  # fmt: skip


def of_correction() -> Iterator[Feature]:
    """The features of the second stage, which every issue is made with."""
    for name in (*correction_features.ISSUE_NAMES, *correction_features.STEP_NAMES):
        yield _by_rule(NET, name)
    for name in closed_form.FEATURES:
        yield _by_rule(CLOSED_FORM, name)


def of_weather(kind: PlantKind, columns: Iterable[str], points: Iterable[str] = ()) -> Iterator[Feature]:
    """The features that a weather run with these columns gives, for a plant with a position.

    :param points: names of other grid points of the area
    """
    yield from of_names(weather_features.features(_plant(kind), _run(columns, points)).columns)


def of_names(names: Iterable[str]) -> Iterator[Feature]:
    """Features of the first stage by name: those of a release, say."""
    for name in names:
        yield _of_weather(name)


def _by_rule(stage: str, name: str) -> Feature:
    for pattern, unit, source, meaning in _RULES:
        found = pattern.fullmatch(name)
        if found:
            return Feature(stage, name, unit, source, found.expand(meaning))
    raise LookupError(f"{stage}: {name}")


def _of_weather(name: str) -> Feature:
    path, place, rest = name.rpartition("/")
    if name.endswith("/clear"):
        return Feature(WEATHER_MODEL, name, "1", "weather run and sun", "share of the clear sky")
    if name.endswith("/clear~day"):
        meaning = f"share of the clear sky, {_CHANGES['day']}"
        return Feature(WEATHER_MODEL, name, "1", "weather run and sun", meaning)
    base, mark, change = _split(rest if place else name)
    where = {"": "weather run", "area": "weather run, all grid points"}.get(
        path, f"weather run, point {path}"
    )
    unit, source = _unit_of_column(base), where
    if base in _MADE:
        unit, source = _MADE[base]
    elif base.startswith("shear"):
        unit, source = "1", where
    if change == "3cube":
        unit = f"({unit})^3"
    return Feature(WEATHER_MODEL, name, unit, source, _meaning(mark, change, path))


#: Features that are made, not read: unit and source.
_MADE: Final = {
    "lead_h": ("h", "weather run"),
    "hour_utc": ("h", "clock"),
    "day_of_year": ("d", "clock"),
    "sun_elevation_deg": ("degrees", "sun"),
    "sun_azimuth_deg": ("degrees", "sun"),
    "clear_sky_kw_m2": ("kW/m2", "sun"),
    "extraterrestrial": ("share of the solar constant", "sun"),
    "solar_hour": ("h", "sun"),
    "panel_clear_kw_m2": ("kW/m2", "sun and panel"),
    "panel_incidence": ("cosine", "sun and panel"),
    "panel_tilt_deg": ("degrees", "registry, or found in training"),
    "panel_azimuth_deg": ("degrees", "registry, or found in training"),
    "panel_kw_m2": ("kW/m2", "weather run and sun"),
    "panel_power": ("share of nominal power", "weather run and sun"),
}
_CHANGES: Final = {
    "day": "mean over the sunlit hours of the local day",
    "3change": "change over 3 h",
    "slope": "change over the 2 h around",
    "7max": "maximum over the 7 h around",
    "7min": "minimum over the 7 h around",
    "3cube": "mean cube over the 3 h around",
    "5spread": "standard deviation over the 5 h around",
    "spread": "standard deviation over the area",
}


def _split(name: str) -> tuple[str, str, str]:
    for mark in "@~":
        base, found, change = name.partition(mark)
        if found:
            return base, mark, change
    return name, "", ""


def _meaning(mark: str, change: str, path: str) -> str:
    if mark == "@":
        hours = int(change)
        return f"{abs(hours)} h {'later' if hours > 0 else 'earlier'}"
    if mark == "~":
        return _CHANGES.get(change) or f"mean over the {int(change)} h around"
    return "mean over the area" if path == "area" else "value of the hour"


def _unit_of_column(name: str) -> str:
    return next((unit for end, unit in UNITS if name.endswith(end)), "as the source has it")


def _plant(kind: PlantKind) -> PlantVersion:
    return PlantVersion("example", 0, 0, kind, 1000.0, 900, latitude=50.0, longitude=8.0)


def _run(columns: Iterable[str], points: Iterable[str]) -> WeatherRun:
    """A run of made-up numbers: what features there are depends on the names alone."""
    values = {name: np.full(HOURS, 5.0) for name in columns}
    valid_at_ms = np.arange(1, HOURS + 1) * HOUR_MS
    area = tuple(AreaPoint(point, None, None, dict(values)) for point in points)
    return WeatherRun("example", "example", 0, 0, valid_at_ms, values, area)
