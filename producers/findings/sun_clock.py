"""A solar plant's light against clock and position: zone, clock changes, ends of intervals, hemisphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models import sun
from producers.clock_changes import zones_near
from producers.convert.zone import changes
from producers.findings import light
from producers.findings.base import DAY_MS, HOUR_MS, Columns, Found, Weight
from producers.findings.light import Light
from producers.table import Floats, Longs

#: Minutes that horizons, clouds and the first watts of an inverter may move the middle of the light.
_BLUR_MIN: Final = 20.0
_LEAST_SHIFT_MIN: Final = 25.0
_BESIDE_DAYS: Final = 21
_LEAST_DAYS: Final = 7
#: Degrees of longitude within which a guess at it counts as fitting.
_FITS_DEG: Final = 6.0
#: kW/m2 of a clear sky under which there is no power worth the name.
_DARK: Final = 0.002
#: Minutes of an interval: on what share of the days there must be power in the dark. With hours the middle of
#: the light is enough; with a few minutes horizons and inverters weigh as much as the interval.
_DARK_DAYS: Final = {60: 0.0, 30: 0.04, 10: 0.2}


def sun_and_clock(columns: Columns) -> Found:
    """What the first and the last light of the days say against the stamps and the position."""
    seen = light.of_power(columns) if columns.is_solar else None
    if seen is None:
        return
    zone = _zone_of_jumps(seen, columns.plant.longitude)
    if zone is not None:
        what = (
            f"noon jumps by an hour on the days when the clock of {zone} changes: the stamps are local time"
        )
        do = f"say --timezone {zone}, or another of the same clock, with --ignore-offset"
        yield columns.finding("clock", Weight.MUCH, what, do, _first(columns, seen), "event_time", 1.0)
        return
    latitude, longitude = columns.plant.latitude, columns.plant.longitude
    if latitude is None or longitude is None:
        return
    sky = light.of_sun(seen, latitude, longitude)
    if sky is None:
        what = f"there is light in the power on days without any at latitude {latitude:g}"
        do = "mend the latitude"
        yield columns.of_registry("position", Weight.MUCH, what, do, "latitude")
        return
    yield from _against_sun(columns, seen, _beside(seen, *sky))


def minutes_later(columns: Columns) -> tuple[float, int] | None:
    """By how many minutes the middle of the light is later than the sun's, and the row of the first light.

    None where the power shows too little light, or the position is not known.
    """
    seen = light.of_power(columns)
    latitude, longitude = columns.plant.latitude, columns.plant.longitude
    if seen is None or latitude is None or longitude is None:
        return None
    sky = light.of_sun(seen, latitude, longitude)
    return None if sky is None else (_beside(seen, *sky).later_min, _first(columns, seen))


def looks_like_start(columns: Columns) -> bool:
    """Whether the light says that stamps mark the start of their intervals."""
    return any(finding.kind == "stamp" for finding in sun_and_clock(columns))


@dataclass(frozen=True)
class _Beside:
    """Two lights of the same days: by how much the power's middle is later, and lengths of days less 12 h."""

    later_min: float
    power_h: Floats
    sun_h: Floats


def _beside(seen: Light, days: Longs, sky: Light) -> _Beside:
    later = usual_shift(light.minutes(seen.noon_ms[days] - sky.noon_ms))
    power_h = seen.length_ms[days] / HOUR_MS - 12
    return _Beside(later, power_h, sky.length_ms / HOUR_MS - 12)


def usual_shift(minutes: Floats) -> float:
    """The usual one of differences around the clock, in (-720, 720] minutes."""
    return light.usual((minutes + 720) % 1440 - 720)


def _against_sun(columns: Columns, seen: Light, beside: _Beside) -> Found:
    longitude = columns.plant.longitude or 0.0
    step_min = seen.step_ms / 60_000
    later = beside.later_min
    row = _first(columns, seen)
    turned = _is_turned(beside)
    if not turned and _is_start(later, step_min) and _lit_in_the_dark(columns, seen):
        what = (
            f"the light begins and ends {-later:.0f} minutes before the sun: the stamps look like the start "
            f"of their {step_min:g} minutes"
        )
        weight = Weight.MUCH if step_min >= 30 else Weight.SOME
        yield columns.finding("stamp", weight, what, "say --stamp start", row, "event_time", 1.0)
    elif abs(later) > max(_LEAST_SHIFT_MIN, 0.75 * step_min):
        what = f"the middle of the light is {_told(later)} than noon at longitude {longitude:g}"
        guesses = _explained(columns, later, step_min)
        if guesses:
            what = f"{what}: {' or '.join(guesses)}"
        do = "say --timezone for local stamps, or mend the position in plants.csv"
        yield columns.finding("position", Weight.MUCH, what, do, row, "event_time", 1.0)
    if turned:
        latitude = columns.plant.latitude or 0.0
        what = (
            f"days are long when they are short at latitude {latitude:g}: the power is of the other "
            f"hemisphere ({-latitude:g} fits)"
        )
        yield columns.of_registry("position", Weight.MUCH, what, "mend the latitude", "latitude")


def _is_start(later_min: float, step_min: float) -> bool:
    """Whether light that early is what stamps at the start of intervals of this length look like."""
    if step_min >= 30:
        return abs(later_min + step_min) <= min(_BLUR_MIN, 0.5 * step_min)
    # Short intervals: what horizons and inverters do to the light is as large as an interval.
    return step_min >= 10 and -2.1 * step_min < later_min < -max(12.5, 0.8 * step_min)


def _lit_in_the_dark(columns: Columns, seen: Light) -> bool:
    """Whether there is power where a clear sky has next to no light, which no horizon does, on many days."""
    latitude, longitude = columns.plant.latitude or 0.0, columns.plant.longitude or 0.0
    clear = sun.means(latitude, longitude, seen.first_ms, seen.step_ms // 1000).clear
    least = next((share for step, share in _DARK_DAYS.items() if seen.step_ms >= step * 60_000), 1.0)
    return float((clear < _DARK).mean()) >= least


def _is_turned(beside: _Beside) -> bool:
    """Whether the length of days goes against the sun's through the seasons."""
    if np.abs(beside.sun_h).max() < 1.5:
        return False
    fit = float((beside.power_h * beside.sun_h).sum() / (beside.sun_h**2).sum())
    return fit < -0.3


def _explained(columns: Columns, later_min: float, step_min: float) -> list[str]:
    """What would put the middle of the light there, the likeliest first."""
    longitude, latitude = columns.plant.longitude or 0.0, columns.plant.latitude or 0.0
    real = (longitude - later_min / 4 + 180) % 360 - 180
    guesses = []
    if abs(real - latitude) < _FITS_DEG and abs(latitude - longitude) > 2 * _FITS_DEG:
        guesses.append("latitude and longitude look swapped")
    if abs(real + longitude) < _FITS_DEG and abs(longitude) > _FITS_DEG:
        guesses.append(f"the sign of the longitude looks turned ({-longitude:g} fits)")
    for early, words in ((0.0, ""), (step_min, " at the start of their intervals")):
        hours = round((later_min + early) / 30) / 2
        blur = abs(later_min + early - hours * 60)
        natural = longitude / 15
        if hours and blur < 15 and natural - 1.25 <= hours <= natural + 2.5:
            guesses.append(f"the stamps look like local time (UTC{hours:+g}){words}")
            break
    if not guesses:
        guesses.append(f"a longitude of {real:.0f} would fit")
    return guesses


def _zone_of_jumps(seen: Light, longitude: float | None) -> str | None:
    """The zone on each of whose changes the power's noon jumps as its clock does; None for none."""
    best, most = None, 0
    first, last = int(seen.first_ms[0]), int(seen.last_ms[-1])
    noon = _noon_minutes(seen)
    for zone in zones_near(longitude):
        clock = changes(ZoneInfo(zone), first // DAY_MS * DAY_MS, last // DAY_MS * DAY_MS)
        jumps = [
            _jump(seen, noon, int(at)) - (after - before) / 60_000
            for at, before, after in zip(clock.at_ms, clock.before_ms, clock.after_ms, strict=True)
        ]
        known = [jump for jump in jumps if np.isfinite(jump)]
        if len(known) > most and all(abs(jump) < _BLUR_MIN for jump in known):
            best, most = zone, len(known)
    return best


def _jump(seen: Light, noon: Floats, at_ms: int) -> float:
    """Minutes by which noon is later in the weeks after a time than before; NaN where days are lacking."""
    away = (seen.noon_ms - at_ms) / DAY_MS
    before, after = (away > -_BESIDE_DAYS) & (away < 0), (away >= 0) & (away < _BESIDE_DAYS)
    if min(before.sum(), after.sum()) < _LEAST_DAYS:
        return float("nan")
    return light.usual(noon[after]) - light.usual(noon[before])


def _noon_minutes(seen: Light) -> Floats:
    """Noon of each day in minutes around the usual one, without what the sun itself does to it."""
    day = seen.noon_ms / DAY_MS
    minutes = (seen.noon_ms % DAY_MS) / 60_000
    middle = float(np.median((minutes - minutes[0] + 720) % 1440)) + minutes[0] - 720
    return np.asarray((minutes - middle + 720) % 1440 - 720 + _equation_of_time(day), np.float64)


def _equation_of_time(day: Floats) -> Floats:
    """Minutes by which the sun is ahead of the clock (Spencer 1971), to half a minute. `day` since 1970."""
    angle = 2 * np.pi * (day % 365.2425) / 365.2425
    return np.asarray(
        229.18
        * (
            0.000075
            + 0.001868 * np.cos(angle)
            - 0.032077 * np.sin(angle)
            - 0.014615 * np.cos(2 * angle)
            - 0.04089 * np.sin(2 * angle)
        ),
        np.float64,
    )


def _first(columns: Columns, seen: Light) -> int:
    return columns.at(seen.row_first[0])


def _told(later_min: float) -> str:
    size = abs(later_min)
    length = f"{size / 60:.1f} hours" if size >= 90 else f"{size:.0f} minutes"
    return f"{length} {'later' if later_min > 0 else 'earlier'}"
