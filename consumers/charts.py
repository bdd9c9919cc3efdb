"""Pictures: forecast bands against actuals, reliability, skill by horizon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from consumers.chart_data import Fan, PlantChart
from consumers.chart_parts import (
    ACTUAL,
    BAND,
    GROUP_COLORS,
    GROUPS,
    MEDIAN,
    NAIVE,
    OTHER,
    SMART,
    grid,
    hide,
    lead_axis,
    legend,
    save,
)
from consumers.skill import Skill, horizon_name, skill
from models import score

F8 = NDArray[np.float64]

BANDS: Final = ((0.05, 0.95), (0.1, 0.9), (0.2, 0.8), (0.3, 0.7), (0.4, 0.6))
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
BEFORE_H: Final = 12  # hours of the past beside a fan
RUNNING_LEAD_S: Final = 21_600
RUNNING_DAYS: Final = 5
MEGAWATTS_FROM_KW: Final = 10_000


def draw_fans(plants: Sequence[PlantChart], path: Path) -> None:
    """For each plant one forecast in full, and beside it the 6 h ahead forecast of the days before."""
    figure = grid(len(plants), 2, (2.0, 1.6), row_height=3.6)
    for row, plant in enumerate(plants):
        left, right = figure.axes[2 * row : 2 * row + 2]
        if plant.fan is not None:
            _fan(left, plant, plant.fan)
        _running(right, plant)
    legend(figure, figure.axes[0])
    save(figure, path)


def draw_reliability(plants: Sequence[PlantChart], path: Path) -> None:
    """How often the actual stayed under each quantile, against how often it should have."""
    figure = grid(-(-len(plants) // 3), min(len(plants), 3), None, row_height=4.2, width=4.4)
    for axes, plant in zip(figure.axes, plants, strict=False):
        _reliability(axes, plant)
    hide(figure, len(plants))
    legend(figure, figure.axes[0])
    save(figure, path)


def draw_skill(plants: Sequence[PlantChart], path: Path) -> None:
    """Error of the median by lead time, against the naive forecasts, and the coverage of the 80 % band."""
    figure = grid(len(plants), 2, None, row_height=3.6)
    for row, plant in enumerate(plants):
        left, right = figure.axes[2 * row : 2 * row + 2]
        scores = skill(plant.plant.plant_id, plant.steps, plant.measured)
        _errors(left, plant, scores)
        _coverage(right, scores)
    legend(figure, figure.axes[0], figure.axes[1])
    save(figure, path)


def _fan(axes: Axes, plant: PlantChart, fan: Fan) -> None:
    scale, unit = _unit(plant)
    ends = _days(fan.valid_ms)
    _bands(axes, ends, fan, scale)
    resolution_ms = plant.plant.resolution_s * 1000
    newest_ms = fan.issued_ms // resolution_ms * resolution_ms
    past = np.arange(newest_ms - BEFORE_H * HOUR_MS, newest_ms + 1, resolution_ms)
    stamps = np.concatenate([past, fan.valid_ms])
    lengths = np.concatenate([np.full(past.size, plant.plant.resolution_s), fan.interval_s])
    actual = plant.measured.at(stamps, lengths) / scale
    axes.plot(_days(stamps), actual, color=ACTUAL, lw=1.4, label="measured")
    axes.axvline(fan.issued_ms / DAY_MS, color=OTHER, lw=1, ls=":")
    issued = datetime.fromtimestamp(fan.issued_ms / 1000, plant.zone)
    axes.set_title(f"{plant.plant.plant_id}: issued {issued:%Y-%m-%d %H:%M}, {fan.release}")
    _time_axis(axes, plant)
    axes.set_ylabel(f"power [{unit}]")


def _running(axes: Axes, plant: PlantChart) -> None:
    """The forecast of one lead time, issue after issue."""
    scale, _ = _unit(plant)
    steps = plant.steps.take(plant.steps.lead_s == RUNNING_LEAD_S)
    newest = steps.valid_ms.max(initial=0)
    steps = steps.take(steps.valid_ms > newest - RUNNING_DAYS * DAY_MS)
    if len(steps):
        order = np.argsort(steps.valid_ms, kind="stable")
        steps = steps.take(order)
        shown = Fan(0, steps.valid_ms, steps.interval_s, steps.rung, steps.levels, steps.quantiles, "")
        ends = _days(steps.valid_ms)
        _bands(axes, ends, shown, scale)
        axes.plot(ends, plant.measured.at(steps.valid_ms, steps.interval_s) / scale, color=ACTUAL, lw=1.4)
    axes.set_title(f"the forecasts {horizon_name(RUNNING_LEAD_S)} ahead, newest {RUNNING_DAYS} days")
    _time_axis(axes, plant)


def _bands(axes: Axes, ends: F8, fan: Fan, scale: float) -> None:
    published = [pair for pair in BANDS if all(np.isclose(fan.levels, level).any() for level in pair)]
    for place, (low, high) in enumerate(published):
        text = f"P{low * 100:g} to P{high * 100:g}"
        shade = 0.16 + 0.11 * place
        axes.fill_between(
            ends, fan.at(low) / scale, fan.at(high) / scale, color=BAND, alpha=shade, lw=0, label=text
        )
    axes.plot(ends, fan.at(0.5) / scale, color=MEDIAN, lw=1.2, ls="--", label="median forecast")


def _reliability(axes: Axes, plant: PlantChart) -> None:
    steps = plant.steps
    actual = plant.measured.at(steps.valid_ms, steps.interval_s)
    axes.plot([0, 1], [0, 1], color=OTHER, lw=1, ls=":", label="perfect")
    for (text, first_s, last_s), color in zip(GROUPS, GROUP_COLORS, strict=True):
        rows = (steps.lead_s >= first_s) & (steps.lead_s <= last_s) & np.isfinite(actual)
        observed = _observed(actual[rows], steps.quantiles[rows], steps.capacity_kw[rows])
        axes.plot(steps.levels, observed, color=color, marker="o", ms=4, lw=1.3, label=f"{text} ahead")
    axes.set(title=plant.plant.plant_id, xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("quantile level")
    axes.set_ylabel("share of actuals under it")
    axes.grid(alpha=0.25)


def _observed(actual: F8, quantiles: F8, capacity_kw: F8) -> F8:
    """Share of actuals under each quantile, where the quantile can be seen: a night would flatter."""
    made = np.full(quantiles.shape[1], np.nan)
    for place in range(made.size):
        seen = quantiles[:, place] > score.VISIBLE_SHARE * capacity_kw
        if seen.any():
            made[place] = (actual[seen] <= quantiles[seen, place]).mean()
    return made


def _errors(axes: Axes, plant: PlantChart, scores: Sequence[Skill]) -> None:
    hours = [one.lead_s / 3600 for one in scores]
    lines = (
        ("forecast", [one.nmae for one in scores], MEDIAN, "-", "o"),
        ("persistence", [one.nmae_persistence for one in scores], NAIVE, "--", "s"),
        ("same hour of the newest day", [one.nmae_yesterday for one in scores], OTHER, ":", "^"),
        ("smart persistence", [one.nmae_smart for one in scores], SMART, "-.", "v"),
    )
    for text, values, color, style, marker in lines:
        if not np.isfinite(values).any():
            continue  # a wind farm has no clear sky
        axes.plot(hours, values, color=color, ls=style, marker=marker, ms=4, lw=1.4, label=text)
    count = max((one.n for one in scores), default=0)
    axes.set_title(f"{plant.plant.plant_id}: error of the median, up to {count} actuals")
    axes.set_ylabel("mean absolute error [% of capacity]")
    axes.set_ylim(bottom=0)
    lead_axis(axes, [one.lead_s for one in scores])


def _coverage(axes: Axes, scores: Sequence[Skill]) -> None:
    hours = [one.lead_s / 3600 for one in scores]
    axes.axhspan(0.78, 0.82, color=OTHER, alpha=0.2, lw=0, label="78 % to 82 %")
    axes.plot(
        hours,
        [one.coverage80 for one in scores],
        color=BAND,
        marker="o",
        ms=4,
        lw=1.4,
        label="in the 80 % band",
    )
    axes.set_title("actuals inside P10 to P90")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0.4, 1.0)
    axes.set_ylabel("share of actuals")
    lead_axis(axes, [one.lead_s for one in scores])


def _time_axis(axes: Axes, plant: PlantChart) -> None:
    locator = AutoDateLocator(tz=plant.zone, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]  # matplotlib has no types here
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, tz=plant.zone)  # type: ignore[no-untyped-call]  # the same
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlabel(plant.zone_name)
    axes.margins(x=0.01)
    axes.grid(alpha=0.25)


def _days(times_ms: NDArray[np.int64]) -> F8:
    """Days since 1970 in UTC, which is how matplotlib counts; the axis turns them into local time."""
    return np.asarray(times_ms / DAY_MS)


def _unit(plant: PlantChart) -> tuple[float, str]:
    """Kilowatts per unit of the axis, and its name."""
    return (1000.0, "MW") if plant.plant.capacity_kw >= MEGAWATTS_FROM_KW else (1.0, "kW")
