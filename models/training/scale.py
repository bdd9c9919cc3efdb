"""Power on another scale than the rest: a wrong unit for a while, and a level that has changed since.

Each day's energy is held against what the plant makes in such wind or sun. A day says the logarithm of the
ratio; `levels.stretches` cuts the days where it changes for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from models import sun
from models.forecast.base import Flags, Floats, Ints
from models.training.levels import Stretch, stretches
from models.training.nearby import Nearby
from models.training.runs_of import spans
from models.training.usual_day import usual_day
from schemas.records import PlantVersion

DAY_MS = 86_400_000
LEAST_DAYS = 10
LEAST_KNOWN = 0.2  # of a day's intervals
LEAST_EXPECTED = 0.5  # of the median day's energy: darker and calmer days say little
FAINT = 0.002  # share that keeps the ratio of nothing to nothing at one
BIN_MS, LEAST_IN_BIN = 1.0, 12
OFF_TOLERANCE, OFF_DAYS = 0.7, 2  # a factor of 2 around each power of ten
SURE = 6.0  # deviations of a day's ratio: forecasts of wind have fat tails
SHIFT, SHIFT_SEASONAL, SHIFT_NOISE, SHIFT_DAYS = 1.8, 3.0, 2.0, 30
LASTING_DAYS = 60
CONSISTENT = 0.6
LEAST_NOISE = 0.1
WHISPER_MS, FOLLOWS_RANKS, LEAST_TO_FOLLOW = 12 * 3_600_000, 0.6, 8
MOSTLY_KNOWN = 0.5
STRONG_PART = 0.3
REFUSED_LEAST, REFUSED_PART, REFUSED_PAUSE_DAYS = 3, 0.05, 3
YEAR_DAYS, SEASON_HALF_WIDTH = 365.25, 15


@dataclass(frozen=True)
class Expectation:
    """What the plant makes in such weather (n,), up to a factor, NaN where unknown; None where nothing is.

    `blind`: without weather, so that a dark week looks like a small unit.
    """

    share: Floats | None
    blind: bool


def expect(plant: PlantVersion, end_ms: Ints, share: Floats, near: Nearby, sound: Flags) -> Expectation:
    """By the plant's own curve of wind; by radiation, else a clear sky, else its own usual day."""
    if plant.kind == "wind":
        return Expectation(_wind_curve(share, near.wind_ms, sound), False)
    sun_kw_m2 = near.sun_w_m2 / 1000.0
    if np.isfinite(sun_kw_m2).mean() > MOSTLY_KNOWN:
        return Expectation(sun_kw_m2, False)
    if plant.latitude is not None and plant.longitude is not None:
        clear = sun.means(plant.latitude, plant.longitude, end_ms, plant.resolution_s).clear
        return Expectation(clear, True)
    return Expectation(usual_day(end_ms, np.where(sound, share, np.nan), plant.resolution_s), True)


def whispers(share: Floats, expected: Floats | None, still: Flags, step_ms: int) -> Flags:
    """Intervals (n,) that look like a standstill of 12 h or more, but follow what the weather would make: MW
    where kW are meant, not an outage.
    """
    found = np.zeros(len(share), np.bool_)
    if expected is None:
        return found
    heard = expected[np.isfinite(expected)]
    strong = STRONG_PART * float(np.quantile(heard, 0.95)) if len(heard) else np.inf
    for start, end in spans(still):
        due = expected[start:end]
        if (end - start) * step_ms >= WHISPER_MS and np.any(due >= strong):  # a night follows its dawn, too
            found[start:end] = follows(share[start:end], due)
    return found


def follows(share: Floats, expected: Floats) -> bool:
    """Whether power (n,) goes up and down with what was expected of the weather."""
    both = np.isfinite(share) & np.isfinite(expected)
    part, due = share[both], expected[both]
    if len(part) < LEAST_TO_FOLLOW or np.ptp(part) == 0 or np.ptp(due) == 0:
        return False
    return bool((part > 0).mean() >= 0.25 and stats.spearmanr(part, due).statistic >= FOLLOWS_RANKS)


def off_scale_and_shifted(
    plant: PlantVersion, end_ms: Ints, share: Floats, expectation: Expectation, sound: Flags
) -> tuple[Flags, Flags]:
    """Intervals (n,) on another scale (by about a power of ten, two days at least, going with the weather),
    and those of a month or more at another level (by 1.8, or by more where days differ by much; a solar plant
    of less than two years by 3, for its seasons may differ by 2).

    Off from what: from the level of the newest 60 days where they are on one level, else of most days. So a
    plant that has lost half of its units for good is learned as it is now, after two months. `sound` (n,):
    what may be judged at all. Wind without any wind speed cannot be told.
    """
    nothing = np.zeros(len(share), np.bool_)
    if expectation.share is None:
        return nothing, nothing
    day, ratio = _daily(end_ms, share, expectation.share, sound)
    known = np.flatnonzero(np.isfinite(ratio))
    if len(known) < LEAST_DAYS:
        return nothing, nothing
    values, seasonal = ratio[known], plant.kind == "solar"
    if seasonal and len(ratio) >= 2 * YEAR_DAYS:
        values, seasonal = values - _season(known, values), False
    found = stretches(values)
    usual = _usual_level(found, values)
    levels = np.concatenate([np.full(one.days, one.level) for one in found])
    noise = max(float(np.median(np.abs(values - levels))) / 0.6745, LEAST_NOISE)
    off, shifted = np.zeros(len(ratio), np.bool_), np.zeros(len(ratio), np.bool_)
    least_shift = np.log(SHIFT_SEASONAL if seasonal or expectation.blind else SHIFT)
    least_shift = max(least_shift, SHIFT_NOISE * noise)
    for one in found:
        rows = sound & (day >= known[one.start]) & (day <= known[one.end - 1])
        if _off(one, values - usual, noise) and follows(share[rows], expectation.share[rows]):
            _mark(off, known, one)
        elif one.days >= SHIFT_DAYS and abs(one.level - usual) >= least_shift:
            _mark(shifted, known, one, edges=False)
    return off[day], (shifted & ~off)[day]


def _off(one: Stretch, away: Floats, noise: float) -> bool:
    """Whether a stretch is off by a power of ten that no run of bad forecasts explains."""
    own = away[one.start : one.end]
    nearest = np.rint(np.median(own) / np.log(10.0)) * np.log(10.0)
    near = np.abs(own - nearest) <= OFF_TOLERANCE
    sure = abs(float(np.median(own))) >= SURE * noise / np.sqrt(one.days)
    return nearest != 0 and one.days >= OFF_DAYS and sure and float(near.mean()) >= CONSISTENT


def _mark(days: Flags, known: Ints, one: Stretch, edges: bool = True) -> None:
    """The stretch with the days in it that say nothing, and, as it began at some hour, the days around."""
    around = 1 if edges else 0
    days[max(int(known[one.start]) - around, 0) : int(known[one.end - 1]) + 1 + around] = True


def _wind_curve(share: Floats, wind_ms: Floats, sound: Flags) -> Floats | None:
    """The plant's own median share by wind speed, at each interval's wind (n,); None without wind."""
    known = sound & np.isfinite(share) & np.isfinite(wind_ms)
    if known.sum() < LEAST_DAYS * 24:
        return None
    bins = np.clip(np.nan_to_num(wind_ms) / BIN_MS, 0, 40).astype(np.int64)
    curve = np.full(41, np.nan)
    for at in np.unique(bins[known]):
        inside = share[known & (bins == at)]
        if len(inside) >= LEAST_IN_BIN:
            curve[at] = np.median(inside)
    return np.where(np.isfinite(wind_ms), np.clip(curve, 0.0, None)[bins], np.nan)


def refused_around(end_ms: Ints, refused: Flags) -> Flags:
    """All intervals (n,) of the days of which several values were refused as impossible, and of the few
    between such days: what was accepted of them was the small part of the same mistake.
    """
    if not refused.any():
        return refused
    day = (end_ms - 1) // DAY_MS
    day = day - day[0]
    many, whole = np.bincount(day, refused), np.bincount(day)
    wrong = many >= np.maximum(REFUSED_LEAST, REFUSED_PART * whole)
    for start, end in list(spans(~wrong)):
        if start > 0 and end < len(wrong) and end - start <= REFUSED_PAUSE_DAYS:
            wrong[start:end] = True
    return np.asarray(wrong[day])


def _daily(end_ms: Ints, share: Floats, expected: Floats, sound: Flags) -> tuple[Ints, Floats]:
    """The number of each interval's day (n,), and the log ratio of energy to expectation by day."""
    number = (end_ms - 1) // DAY_MS
    day = number - number[0]
    both = sound & np.isfinite(share) & np.isfinite(expected)
    count = int(day[-1]) + 1
    got = np.bincount(day[both], np.clip(share[both], 0.0, None), count)
    due = np.bincount(day[both], expected[both], count)
    heard, whole = np.bincount(day[both], minlength=count), np.bincount(day, minlength=count)
    mean_due = due / np.maximum(heard, 1)
    usual_due = float(np.median(mean_due[heard > 0])) if (heard > 0).any() else 0.0
    speaks = (heard >= LEAST_KNOWN * np.maximum(whole, 1)) & (mean_due > LEAST_EXPECTED * usual_due)
    speaks &= mean_due > 0.0
    faint = FAINT * max(usual_due, FAINT)
    ratio = np.log((got / np.maximum(heard, 1) + faint) / (mean_due + faint))
    return day, np.where(speaks, ratio, np.nan)


def _season(day: Ints, values: Floats) -> Floats:
    """What the time of the year does to the ratio (m,): medians over the same days of all years."""
    phase = day % YEAR_DAYS
    apart = np.abs(phase[:, None] - phase[None, :])
    near = np.minimum(apart, YEAR_DAYS - apart) <= SEASON_HALF_WIDTH
    season = np.array([np.median(values[row]) for row in near])
    return np.asarray(season - np.median(season))


def _usual_level(found: list[Stretch], values: Floats) -> float:
    newest = found[-1]
    return newest.level if newest.days >= LASTING_DAYS else float(np.median(values))
