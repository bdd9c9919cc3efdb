"""The look at N plants at their issue: detectors, drift tests once a day, data quality."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import drifting, feeds, rings, start_scale, sun, unclean, unit_views
from models.detect import all as detectors
from models.detect.view import WINDOW, PlantView, intervals
from models.fleet import POA, SETPOINT, WIND, Fleet
from models.forecast.base import HIGH, LOW, MEDIAN
from models.outlook import skies_of
from models.spans import at_intervals, touched
from models.state import Field, Rows, side_by_side
from models.windows import MILLI_PER_KW, enough_scans

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

FIELDS: Final[tuple[Field, ...]] = (*detectors.FIELDS, *drifting.FIELDS, *feeds.FIELDS, *unclean.FIELDS)
SHOWN: Final = slice(LOW, HIGH + 1, MEDIAN - LOW)  # 10, 50 and 90 %
UNCLEAN: Final = ("outage", "stuck_sensor", "curtailment", "feed_silent")


def look(fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8) -> list[dict[str, Any]]:
    """Records of `plant.anomalies`; moves the columns of the detectors. It comes before the forecasts, so
    that they know whether an event is over.
    """
    state = Rows(fleet.state, _rows(slots), slots.shape)
    view = view_of(fleet, slots, issued_at_ms, known_at_ms, state)
    told = detectors.at_plants(view)
    state.put_back()
    told += unit_views.look(fleet, slots, view)
    _note_unclean(fleet, slots, issued_at_ms)
    unclean.note(fleet, slots, issued_at_ms)
    return detectors.by_plant(told)


def study(fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8) -> list[dict[str, Any]]:
    """Records of `model.drift`; takes what came since the previous issue into the data quality."""
    drifting.note_inputs(fleet, slots, issued_at_ms)
    feeds.learn(fleet, slots, issued_at_ms)
    return drifting.look(fleet, slots, issued_at_ms, known_at_ms)


def _note_unclean(fleet: Fleet, slots: I8, issued_at_ms: I8) -> None:
    """While one of these events is open, what the plant does teaches neither bands nor drift tests."""
    columns = [f"{name}.opened_ms" for name in UNCLEAN]
    open_now = np.any([fleet.state[c][slots] >= 0 for c in columns if c in fleet.state.columns], axis=0)
    rows = slots[open_now]
    fleet.state["unclean_ms"][rows] = issued_at_ms[open_now]


def view_of(fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8, rows: Rows) -> PlantView:
    """What the detectors of whole plants may see at their issues; nothing of units."""
    state = fleet.state
    resolution_s = state["resolution_s"][slots]
    interval = intervals(resolution_s, issued_at_ms)
    ends = (interval + 1) * resolution_s[:, None] * 1000
    heard_ms = state["telemetry_ms"][slots]
    runs = [fleet.outlooks[s].newest_run() for s in slots]
    published = np.array([run.published_at_ms if run else -1 for run in runs], np.int64)
    no_units = np.empty((slots.size, 0, WINDOW))
    return PlantView(
        plant_ids=[fleet.ids[s] for s in slots],
        is_solar=state["solar"][slots],
        capacity_kw=state["capacity_kw"][slots],
        resolution_s=resolution_s,
        issued_at_ms=issued_at_ms,
        since_ms=state["issued_ms"][slots],
        known_at_ms=known_at_ms,
        power_kw=_power(fleet, slots, interval),
        setpoint_kw=_sensed(fleet, slots, interval, SETPOINT),
        wind_speed_ms=_sensed(fleet, slots, interval, WIND),
        poa_w_m2=_sensed(fleet, slots, interval, POA),
        expected=_expected(fleet, slots, ends, resolution_s),
        daylight=_daylight(fleet, slots, ends[:, -1:], resolution_s[:, None])[:, 0],
        silent_s=np.where(heard_ms < 0, np.inf, np.maximum(issued_at_ms - heard_ms, 0) / 1000.0),
        weather_silent_s=np.where(published < 0, np.inf, np.maximum(issued_at_ms - published, 0) / 1000.0),
        weather_expected=published >= 0,
        impossible=state["refused"][slots],
        impossible_kw=state["refused_kw"][slots],
        same_scans=state["same_scans"][slots],
        same_s=np.maximum(heard_ms - state["same_since_ms"][slots], 0) / 1000.0,
        strong_h=state[start_scale.STRONG.name][slots],
        highest_kw=state[start_scale.HIGHEST.name][slots],
        unit_ids=[[]] * slots.size,
        unit_power_kw=no_units,
        unit_wind_ms=no_units,
        state=rows,
    )


def _rows(slots: I8) -> I8 | slice:
    """Plants that stand side by side as a slice: their columns are looked at and moved where they stand."""
    return slice(int(slots[0]), int(slots[-1]) + 1) if side_by_side(slots) else slots


def _power(fleet: Fleet, slots: I8, interval: I8) -> F8:
    sums, counts = rings.window(*fleet.ring("power"), slots, interval)
    enough = enough_scans(counts, fleet.state["resolution_s"][slots][:, None], fleet.scan_s(slots)[:, None])
    return np.where(enough, sums / np.maximum(counts, 1) / MILLI_PER_KW, np.nan)


def _sensed(fleet: Fleet, slots: I8, interval: I8, sensor: int) -> F8:
    sums, counts = rings.window(*fleet.ring("sensed", sensor), slots, interval)
    return np.where(counts > 0, sums / np.maximum(counts, 1) / MILLI_PER_KW, np.nan)


def _expected(fleet: Fleet, slots: I8, ends: I8, resolution_s: I8) -> F8:
    """10, 50 and 90 % of the weather base [kW] in each interval, shape (N, W, 3)."""
    weather = [fleet.outlooks[s].weather for s in slots.tolist()]
    spans = fleet.weather.of(slots, weather, touched(ends)).of_knots(SHOWN)
    spans = spans.scaled(lambda: start_scale.scale(fleet, slots))
    knots = at_intervals(spans, ends, np.broadcast_to(resolution_s[:, None], ends.shape), None)
    return np.asarray(knots * fleet.state["capacity_kw"][slots][:, None, None])


def _daylight(fleet: Fleet, slots: I8, ends: I8, resolution_s: I8) -> NDArray[np.bool_]:
    """Whether the sun is up; True where nobody knows."""
    light = np.ones(ends.shape, np.bool_)
    outlooks = [fleet.outlooks[s] for s in slots.tolist()]
    rows = np.array([row for row, o in enumerate(outlooks) if sun.position(o.plant)], np.int64)
    there, skies = skies_of([outlooks[row] for row in rows.tolist()], ends[rows])
    if skies is not None:
        rows = rows[there]
        light[rows] = skies.daylight(ends[rows], resolution_s[rows])
    return light
