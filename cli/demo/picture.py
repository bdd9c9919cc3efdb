"""The picture of the demo: what was forecast six hours before against what was measured, for both plants."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.demo.plan import Plan, Sample
from consumers.stored import time_of
from infra.postgres import timestamp, transaction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from psycopg2.extensions import cursor

    from infra.settings import Settings

LEAD_H: Final = 6
#: Levels of the edges, what the band is called, and its colour: the narrower the darker.
_BANDS: Final = (
    (0.05, 0.95, "90 %", "#dbe9f6"),
    (0.1, 0.9, "80 %", "#bad6eb"),
    (0.3, 0.7, "40 %", "#89bedc"),
)
_SPAN: Final = f"{{column}} >= {time_of('since').string} and {{column}} <= {time_of('until').string}"
_STEPS: Final = f"""
select valid_at, levels, power_kw from forecast_steps
where plant_id = %(plant)s and valid_at - issued_at = %(lead)s * interval '1 hour'
    and {_SPAN.format(column="issued_at")}
order by valid_at
"""
_ACTUALS: Final = f"""
select event_time, power_kw from actuals
where plant_id = %(plant)s and {_SPAN.format(column="event_time")} order by event_time
"""


@dataclass(frozen=True)
class _Drawn:
    """Rows of one plant: (valid_at, levels, kW at each level), and (event_time, kW)."""

    sample: Sample
    steps: list[tuple[datetime, list[float], list[float]]]
    actuals: list[tuple[datetime, float | None]]


def draw(settings: Settings, plan: Plan, path: Path) -> Path:
    """Write the PNG at `path`, in one step."""
    from matplotlib.figure import Figure

    with transaction(settings, "gridcast-demo") as cursor:
        plants = [_read(cursor, sample, plan) for sample in plan.samples]
    figure = Figure(figsize=(13, 8), layout="constrained")
    figure.suptitle(
        f"Forecast {LEAD_H} hours before and power measured (weather is hindsight: an upper bound of skill)"
    )
    for axes, drawn in zip(figure.subplots(len(plants), 1), plants, strict=True):
        _plant(axes, drawn)
    _mark_silence(figure.axes[0], plan)
    for axes in figure.axes:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=6, fontsize="small", frameon=False)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.png")
    figure.savefig(partial, format="png")
    partial.replace(path)
    return path


def _read(cursor: cursor, sample: Sample, plan: Plan) -> _Drawn:
    span: dict[str, Any] = {
        "plant": sample.plant_id,
        "lead": LEAD_H,
        "since": sample.stream_from_ms,
        "until": sample.at(plan.stream_h),
    }
    cursor.execute(_STEPS, span)
    steps = cursor.fetchall()
    cursor.execute(_ACTUALS, span)
    return _Drawn(sample, steps, cursor.fetchall())


def _plant(axes: Axes, drawn: _Drawn) -> None:
    times: Any = [at for at, _, _ in drawn.steps]
    for low, high, name, colour in _BANDS:
        edges = [_at(levels, values, (low, high)) for _, levels, values in drawn.steps]
        axes.fill_between(
            times, [e[0] for e in edges], [e[1] for e in edges],
            color=colour, linewidth=0, label=f"{name} band",
        )  # fmt: skip
    medians = [_at(levels, values, (0.5,))[0] for _, levels, values in drawn.steps]
    axes.plot(times, medians, color="tab:blue", linewidth=0.9, label="median")
    measured: Any = [at for at, _ in drawn.actuals]
    power: Any = [kw for _, kw in drawn.actuals]
    axes.plot(measured, power, color="black", linewidth=0.9, label="measured")
    axes.set_title(f"{drawn.sample.plant_id}, {drawn.sample.title}", loc="left")
    axes.set_ylabel("kW")
    axes.set_ylim(top=1.02 * drawn.sample.capacity_kw)
    axes.margins(x=0.005)


def _at(levels: list[float], values: list[float], wanted: tuple[float, ...]) -> list[float]:
    return [values[levels.index(level)] for level in wanted]


def _mark_silence(axes: Axes, plan: Plan) -> None:
    ends: Any = [timestamp(plan.wind.at(hour)) for hour in (plan.silent_from_h, plan.silent_to_h)]
    axes.axvspan(*ends, color="tab:red", alpha=0.12, linewidth=0, label="feed silent")
