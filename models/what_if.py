"""What a plant's newest forecast would be if something were otherwise: its capacity, its units, its weather.

Both sides are made by what the worker issues with, from the same state at the same time. The plant that is
asked about is one that always was so: what it measured is scaled with it, so that the correction by telemetry
compares like with like. Whatever the state cannot tell is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models import issuing, rings, start_scale
from models.detect.units import ALIKE, RATING
from models.forecast.base import HOUR_MS
from models.release import Base
from models.spans import Span
from models.validate_control import fault_of_plant, fault_of_run, without_nonsense
from models.windows import MILLI_PER_KW
from schemas.errors import InputError

if TYPE_CHECKING:
    from models.fleet import Fleet
    from models.outlook import Outlook
    from schemas.forecasts import ForecastBlock
    from schemas.records import WeatherRun

F8 = NDArray[np.float64]

STANDS_SHARE: Final = 0.01  # of its rating: a unit that gives no more stands still
RUNS_SHARE: Final = 0.05  # of their ratings: the others run where they give more
KW_COLUMNS: Final = ("power_sum", start_scale.GIVEN.name)  # what a forecast reads of them in kW or kWh


@dataclass(frozen=True)
class Change:
    """What is otherwise. `units_out`: their ids, or how many. `hours`: how far the weather must reach."""

    capacity_kw: float | None = None
    units_out: Sequence[str] | int | None = None
    run: WeatherRun | None = None
    hours: int = 48


@dataclass(frozen=True)
class Compared:
    """The newest issue as it is and as it would be, one row each. `assumed`: what was taken as given."""

    baseline: ForecastBlock
    what_if: ForecastBlock
    assumed: list[str]


def compare(fleet: Fleet, plant_id: str, change: Change) -> Compared:
    """Both sides for a plant of a fleet, which must not be used for anything else afterwards.

    Raises:
        InputError: it has no forecast yet, or the change cannot be told from what is known of it.
    """
    slot = next((slot for slot, name in fleet.ids.items() if name == plant_id), None)
    if slot is None or fleet.state["issued_ms"][slot] < 0:
        raise InputError(f"{plant_id} has no forecast yet that something could be compared with")
    baseline = issuing.again(fleet, slot)
    outlook, assumed = fleet.outlooks[slot], list[str]()
    size = 1.0
    if change.units_out is not None:
        size *= _left(fleet, slot, change.units_out)
        assumed.append("a unit's part of the plant is its part of the highest powers seen of the units")
    if change.capacity_kw is not None:
        size *= change.capacity_kw / outlook.plant.capacity_kw
        assumed.append("the plant is larger or smaller throughout: what it measured is scaled with it")
    if size != 1.0:
        _resize(fleet, slot, size)
    if change.run is not None:
        _take_run(outlook, change.run, int(baseline.issued_at_ms[0]), change.hours)
        assumed.append("the run is the only weather from the issue on; the hours before keep theirs")
    return Compared(baseline, issuing.again(fleet, slot), assumed)


def _left(fleet: Fleet, slot: int, out: Sequence[str] | int) -> float:
    """Part of the plant that is left without some units."""
    names = fleet.units.names[slot]
    if not names:
        raise InputError("no unit of this plant has ever said anything: ask for another capacity instead")
    rating_kw = fleet.units.columns[RATING][fleet.units.rows(slot)]
    if not (rating_kw > 0).all():
        silent = names[int((rating_kw <= 0).argmax())]
        raise InputError(f"unit {silent} was never seen to run, so nobody knows its part of the plant")
    if isinstance(out, int):
        _expect_alike(rating_kw)
        gone = np.arange(len(names)) < out
        if out > len(names):
            raise InputError(f"the plant has {len(names)} units")
        _expect_running(fleet, slot, np.ones(len(names), np.bool_), rating_kw)
    else:
        unknown = sorted(set(out) - set(names))
        if unknown:
            raise InputError(f"there is no unit {', '.join(unknown[:5])}; there are {', '.join(names[:20])}")
        gone = np.isin(names, list(out))
        _expect_running(fleet, slot, gone, rating_kw)
    if gone.all():
        raise InputError("without all of its units a plant gives nothing: nothing is to be forecast")
    return float(rating_kw[~gone].sum() / rating_kw.sum())


def _expect_alike(rating_kw: F8) -> None:
    usual = np.median(rating_kw)
    if not ((rating_kw > ALIKE[0] * usual) & (rating_kw < ALIKE[1] * usual)).all():
        raise InputError("the units of this plant differ by more than a third: say which by `units_out`")


def _expect_running(fleet: Fleet, slot: int, asked: NDArray[np.bool_], rating_kw: F8) -> None:
    """A unit that stands still is out in the baseline already: without it nothing would be otherwise."""
    share = _newest_kw(fleet, slot, rating_kw.size) / rating_kw
    known = share[np.isfinite(share)]
    if not known.size or np.max(known) < RUNS_SHARE:
        return
    still = np.flatnonzero(asked & (share <= STANDS_SHARE))
    if still.size:
        name = fleet.units.names[slot][int(still[0])]
        raise InputError(f"unit {name} stands still while others run: the forecast knows that already")


def _newest_kw(fleet: Fleet, slot: int, units: int) -> F8:
    """Mean power of each unit in the newest interval [kW], NaN where none came, shape (U,)."""
    state = fleet.state
    interval = int(state["issued_ms"][slot]) // (int(state["resolution_s"][slot]) * 1000) - 1
    index, sums, counts = (column[fleet.units.rows(slot), 0] for column in fleet.unit_ring())
    sums, counts = rings.window(index, sums, counts, np.arange(units), np.full((units, 1), interval))
    mean_kw = sums[:, 0] / np.maximum(counts[:, 0], 1) / MILLI_PER_KW
    return np.where(counts[:, 0] > 0, mean_kw, np.nan)


def _resize(fleet: Fleet, slot: int, size: float) -> None:
    """The plant as if it had always been of another size. A known limit stays what it is, in kW."""
    outlook, state = fleet.outlooks[slot], fleet.state
    plant = outlook.plant
    min_kw = None if plant.min_kw is None else plant.min_kw * size
    sized = replace(plant, capacity_kw=plant.capacity_kw * size, min_kw=min_kw)
    fault = fault_of_plant(sized)
    if fault is not None:
        raise InputError(fault)
    for name in KW_COLUMNS:
        column = state[name]
        column[slot] = np.rint(column[slot] * size) if column.dtype.kind == "i" else column[slot] * size
    outlook.plant = sized
    fleet.note(slot)


def _take_run(outlook: Outlook, run: WeatherRun, issued_at_ms: int, hours: int) -> None:
    """Let a run be all that is known of the hours that end after the issue."""
    fault = fault_of_run(run)
    if fault is not None:
        raise InputError(fault)
    sane = without_nonsense(run)
    first = issued_at_ms // HOUR_MS + 1
    ahead = np.arange(first, -(-(issued_at_ms + hours * HOUR_MS) // HOUR_MS) + 1)
    last = int(sane.valid_at_ms[-1]) // HOUR_MS
    wanted = np.arange(first, max(last, int(ahead[-1])) + 1)
    base = outlook.release.base(outlook.plant, sane, wanted * HOUR_MS)
    unknown = wanted[np.isnan(base.q).any(axis=1)]
    lacking = np.intersect1d(unknown, ahead)
    if lacking.size:
        raise InputError(
            f"the run must say what a {outlook.plant.kind.value} plant needs of every hour that is asked for:"
            f" it lacks {lacking.size} of {ahead.size}, the first ends at"
            f" {np.datetime64(int(lacking[0]) * HOUR_MS, 'ms').astype('M8[s]')}Z"
        )
    outlook.weather = _before(outlook.weather, first)
    outlook.weather.write(wanted, Base(base.q, base.physical), issued_at_ms)
    outlook.runs = [sane]


def _before(span: Span, hour: int) -> Span:
    """What a span knows of the hours before one."""
    kept = slice(0, max(min(hour - span.first, len(span.knots)), 0))
    return Span(span.first, span.knots[kept].copy(), span.worth_ms[kept].copy(), span.physical[kept].copy())
