"""Whether there is enough to learn from: days, weather, a position."""

from __future__ import annotations

from typing import Final

from producers.findings.base import Columns, Found, Weight

_LEAST_DAYS: Final = 60
_YEAR_DAYS: Final = 360


def little_history(columns: Columns) -> Found:
    """Too few days for a model of the plant's own, or for all its seasons."""
    days = columns.days
    if days < _LEAST_DAYS:
        what = (
            f"{days:.0f} days of telemetry: under {_LEAST_DAYS} there is no weather model of the plant's own"
        )
        do = "give more history; until then forecasts start from physics and wide bands"
        yield columns.finding(
            "history", Weight.MUCH, what, do, column="event_time", share=days / 365, of="year"
        )
    elif days < _YEAR_DAYS:
        what = f"{days:.0f} days of telemetry: the seasons that are missing have not been seen in training"
        do = "give a year or more where there is one; train again as it comes"
        yield columns.finding(
            "history", Weight.SOME, what, do, column="event_time", share=days / 365, of="year"
        )


def no_position(columns: Columns) -> Found:
    """Without latitude and longitude there is no sun and no live weather."""
    if columns.plant.latitude is None or columns.plant.longitude is None:
        sun = " and no sun" if columns.is_solar else ""
        what = f"has no latitude and longitude: there is no live weather{sun} for it"
        do = "give the position in plants.csv, in degrees north and east"
        yield columns.of_registry("position", Weight.SOME, what, do, "latitude")


def nowhere(columns: Columns) -> Found:
    """The position that programs write where they have none."""
    if columns.plant.latitude == 0 and columns.plant.longitude == 0:
        what = "latitude 0 and longitude 0 lie in the sea off Africa"
        yield columns.of_registry("position", Weight.MUCH, what, "give the plant's position", "latitude")


def no_weather(columns: Columns, runs: int) -> Found:
    """Without weather forecasts in the folder there is nothing to train a weather model on."""
    if not runs:
        what = "there is no weather in the folder: training has only the telemetry"
        do = "get its history with `gridcast weather history`, or let the weather of the coming weeks come in"
        yield columns.finding("weather", Weight.SOME, what, do, column=None)
