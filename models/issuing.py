"""An issue of N plants, top to bottom: what has come of age, the look of the detectors, the forecasts of
champions, those of shadows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models import feeds, maturing, pending, start_scale, watch
from models import issue as forecasting
from models.fleet import Fleet
from models.forecast.limits import GRID
from models.issue import Made
from models.outputs import Outputs
from models.sides import Side, champions
from schemas.forecasts import ForecastBlock

I8 = NDArray[np.int64]


def issue(fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8, out: Outputs) -> None:
    """Issue for each plant once at its T; ``known_at_ms`` is that of the record that brought the time, shape
    (N,).
    """
    state = fleet.state
    _wake(fleet, slots, issued_at_ms)
    out.scores += maturing.mature(fleet, slots, issued_at_ms, known_at_ms)
    fleet.shadows.let_go(slots, issued_at_ms)
    start_scale.learn(fleet, slots, issued_at_ms)
    out.anomalies += watch.look(fleet, slots, issued_at_ms, known_at_ms)
    for rows, made in _forecasts(fleet, champions(fleet, slots), issued_at_ms):
        out.forecasts.append(_block(fleet, made, known_at_ms[rows]))
    beside = fleet.shadows.side(slots)
    if beside is not None:
        for _ in _forecasts(fleet, beside[1], issued_at_ms[beside[0]]):
            pass  # kept for their actuals, and published nowhere
    out.drift += watch.study(fleet, slots, issued_at_ms, known_at_ms)
    state["issued_ms"][slots] = issued_at_ms
    state["refused"][slots] = 0
    state["refused_kw"][slots] = np.nan


def _forecasts(fleet: Fleet, side: Side, issued_at_ms: I8) -> Iterator[tuple[I8, Made]]:
    """Make the forecasts of one side, and keep them for their actuals; with the places in the side."""
    for rows in _alike(fleet, side):
        resolution_s = int(fleet.state["resolution_s"][side.slots[rows[0]]])
        release = side.outlooks[int(rows[0])].release
        some = side.take(rows)
        made = forecasting.make(fleet, some, issued_at_ms[rows], release, resolution_s)
        pending.keep(some.learned, made, fleet.number((release.name, release.version)))
        yield rows, made


def _wake(fleet: Fleet, slots: I8, issued_at_ms: I8) -> None:
    """Let runs and plant versions count whose time has come."""
    for slot, t in zip(slots.tolist(), issued_at_ms.tolist(), strict=True):
        if fleet.outlooks[slot].wakes_ms <= t:
            for outlook in fleet.outlooks_of(slot):
                outlook.activate(t)
            fleet.amend(slot, t)


def _alike(fleet: Fleet, side: Side) -> list[I8]:
    """Plants that can be forecast at once: of one resolution, by one release."""
    kinds: dict[tuple[int, int], list[int]] = {}
    resolution = fleet.state["resolution_s"][side.slots].tolist()
    for row, outlook in enumerate(side.outlooks):
        kinds.setdefault((resolution[row], id(outlook.release)), []).append(row)
    return [np.array(rows) for rows in kinds.values()]


def _block(fleet: Fleet, made: Made, known_at_ms: I8) -> ForecastBlock:
    state, slots = fleet.state, made.slots
    outlooks = [fleet.outlooks[s] for s in slots]
    runs = [o.newest_run() for o in outlooks]
    capacity = state["capacity_kw"][slots]
    step = (capacity / GRID)[:, None]
    count = slots.size
    quality = feeds.scores(fleet, slots)
    return ForecastBlock(
        plant_id=[fleet.ids[s] for s in slots],
        issued_at_ms=made.issued_at_ms,
        known_at_ms=known_at_ms,
        model=[made.release.name] * count,
        version=[made.release.version] * count,
        release_sha256=[made.release.sha256] * count,
        plant_valid_from_ms=np.array([o.plant.valid_from_ms for o in outlooks], np.int64),
        capacity_kw=capacity,
        valid_at_ms=made.steps.valid_at_ms,
        interval_s=made.steps.interval_s.astype(np.int32),
        rung=made.rung,
        levels=np.array(fleet.settings.levels),
        # GRID steps may come out one bit above the capacity.
        power_kw=np.minimum(made.shares * step[..., None], capacity[:, None, None]),
        available_kw=np.minimum(made.available * step, capacity[:, None]),
        telemetry_offset=state["telemetry_offset"][slots],
        telemetry_at_ms=state["telemetry_ms"][slots],
        run_source=[run.source if run else None for run in runs],
        run_published_at_ms=np.array([run.published_at_ms if run else -1 for run in runs], np.int64),
        telemetry_quality=quality[0],
        weather_quality=quality[1],
        stale=known_at_ms > made.steps.valid_at_ms[:, 0],
    )


def again(fleet: Fleet, slot: int) -> ForecastBlock:
    """A plant's newest issue once more, from what is known of it now; nothing is learned from it or kept.

    Where nothing late has come since, it is that issue to the bit. The plant must have issued.
    """
    at_ms = fleet.state["issued_ms"][[slot]]
    side = champions(fleet, np.array([slot]))
    resolution_s = int(fleet.state["resolution_s"][slot])
    return _block(fleet, forecasting.make(fleet, side, at_ms, side.outlooks[0].release, resolution_s), at_ms)
