"""Picture: how much came inside the 80 % band, by lead time and as time went by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from consumers.chart_data import PlantChart
from consumers.chart_parts import (
    BAND,
    GROUP_COLORS,
    GROUPS,
    MEDIAN,
    NAIVE,
    OTHER,
    grid,
    lead_axis,
    legend,
    save,
)
from consumers.skill import LeadSteps
from models import score
from models.steps import LEADS_S

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

DAY_MS: Final = 86_400_000
TRAILING_DAYS: Final = 14
#: A share of fewer actuals than this is not drawn.
FEWEST: Final = 50


def draw_coverage(plants: Sequence[PlantChart], path: Path) -> None:
    """For each plant the shares under, inside and over the band by lead time, and beside it the share inside
    in the fortnight before each day.
    """
    figure = grid(len(plants), 2, (1.0, 1.4), row_height=3.6)
    for row, plant in enumerate(plants):
        left, right = figure.axes[2 * row : 2 * row + 2]
        _by_lead(left, plant)
        _by_day(right, plant)
    legend(figure, figure.axes[0], figure.axes[1])
    save(figure, path)


def trailing_coverage(steps: LeadSteps, actual: F8, days: I8) -> F8:
    """Share inside the 80 % band (d,) over the steps valid in the fortnight up to each UTC day (a number of
    days since 1970); NaN where an edge was seen fewer than 50 times.
    """
    low, high = steps.at(0.1), steps.at(0.9)
    known = np.isfinite(actual) & np.isfinite(low) & np.isfinite(high)
    visible_kw = score.VISIBLE_SHARE * steps.capacity_kw
    day = steps.valid_ms // DAY_MS
    missed = np.zeros(len(days))
    for seen, out in (
        (known & (low > visible_kw), actual < low),
        (known & (high > visible_kw), actual > high),
    ):
        count, outside = (_trailing(day[rows], days) for rows in (seen, seen & out))
        with np.errstate(invalid="ignore", divide="ignore"):
            missed += np.where(count >= FEWEST, outside / count, np.nan)
    return 1.0 - missed


def _trailing(day: I8, days: I8) -> F8:
    """How many of `day` (n,) lie in the fortnight up to each of `days` (d,)."""
    ordered = np.sort(day)
    end = np.searchsorted(ordered, days, side="right")
    return np.asarray(end - np.searchsorted(ordered, days - TRAILING_DAYS, side="right"), np.float64)


def _by_lead(axes: Axes, plant: PlantChart) -> None:
    actual = plant.measured.at(plant.steps.valid_ms, plant.steps.interval_s)
    leads, shares = [], []
    for lead_s in LEADS_S:
        rows = (plant.steps.lead_s == lead_s) & np.isfinite(actual)
        if rows.any():
            own = plant.steps.take(rows)
            share = actual[rows] / own.capacity_kw
            low, high = (own.at(level) / own.capacity_kw for level in (0.1, 0.9))
            leads.append(lead_s)
            shares.append(score.coverage(share, low, high, score.VISIBLE_SHARE))
    hours = [lead_s / 3600 for lead_s in leads]
    axes.axhline(0.1, color=OTHER, lw=1, ls=":")
    _target(axes)
    for text, values, color in (
        ("inside the band", [one.inside for one in shares], BAND),
        ("under it", [one.below for one in shares], MEDIAN),
        ("over it", [one.above for one in shares], NAIVE),
    ):
        axes.plot(hours, values, color=color, marker="o", ms=4, lw=1.4, label=text)
    axes.set_title(f"{plant.plant.plant_id}: P10 to P90")
    axes.set_ylim(0, 1)
    _share_axis(axes)
    lead_axis(axes, leads)


def _by_day(axes: Axes, plant: PlantChart) -> None:
    actual = plant.measured.at(plant.steps.valid_ms, plant.steps.interval_s)
    days = np.unique(plant.steps.valid_ms // DAY_MS)
    _target(axes)
    for (text, first_s, last_s), color in zip(GROUPS, GROUP_COLORS, strict=True):
        rows = (plant.steps.lead_s >= first_s) & (plant.steps.lead_s <= last_s)
        inside = trailing_coverage(plant.steps.take(rows), actual[rows], days)
        axes.plot(np.asarray(days, np.float64), inside, color=color, lw=1.4, label=f"{text} ahead")
    axes.set_title(f"inside P10 to P90, the {TRAILING_DAYS} days up to each day")
    axes.set_ylim(0.4, 1.0)
    _share_axis(axes)
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]  # matplotlib has no types here
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # the same
    axes.set_xlabel("UTC")
    axes.grid(alpha=0.25)


def _target(axes: Axes) -> None:
    axes.axhspan(0.78, 0.82, color=OTHER, alpha=0.2, lw=0, label="78 % to 82 %")


def _share_axis(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel("share of actuals")
