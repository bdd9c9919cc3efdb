"""Telemetry rows of one round go into the columns: scans remembered, intervals summed, the clock moved."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import feeds, rings
from models.fleet import POA, SETPOINT, WIND, Fleet, Ring
from models.units import NO_ROW
from models.validate import Verdicts
from models.windows import SCAN_STEPS_S, interval_index, to_milli
from schemas.errors import Reason
from schemas.journal import TelemetryColumns

SMALL_TABLE: Final = 10_000  # pairs of a plant and a unit's name that are looked up without sorting
I8 = NDArray[np.int64]
F8 = NDArray[np.float64]


def apply(
    fleet: Fleet,
    rows: TelemetryColumns,
    slots: I8,
    picked: I8,
    units: I8,
    verdicts: Verdicts,
    counts: Counter[str],
) -> None:
    """Apply accepted rows and note refused ones.

    :param slots: plant row of each record of the batch, shape (n,)
    :param picked: the records of this round, indices into the batch, in the order of each plant's journal
    :param units: indices into ``rows.units`` of the readings of these records
    :param verdicts: on each record of the batch
    """
    accepted = verdicts.ok
    told = picked[~rows.is_tick[picked]]
    feeds.count(fleet, slots[told], rows.event_time_ms[told], accepted[told] & rows.power_given[told])
    _out_of_range(fleet, rows, slots, picked[verdicts.has(Reason.OUT_OF_RANGE)[picked]])
    good = picked[accepted[picked]]
    counts["ticks"] += int(rows.is_tick[good].sum())
    counts["late"] += _move_clocks(fleet, rows, slots, good)
    measured = good[~rows.is_tick[good]]
    if not measured.size:
        return
    seen = _scans(fleet, rows, slots, measured, counts)
    fresh = measured[seen.fresh]
    _sensors(fleet, rows, slots, fresh)
    if units.size:
        is_fresh = np.zeros(len(rows), np.bool_)
        is_fresh[fresh] = True
        _units(fleet, rows, slots, units[is_fresh[rows.units.row[units]]], counts)


def _out_of_range(fleet: Fleet, rows: TelemetryColumns, slots: I8, refused: I8) -> None:
    worst = fleet.state["refused_kw"]
    for row in refused:
        slot, power_kw = slots[row], rows.power_kw[row]
        fleet.state["refused"][slot] += 1
        if not abs(power_kw) <= abs(worst[slot]):
            worst[slot] = power_kw


def _move_clocks(fleet: Fleet, rows: TelemetryColumns, slots: I8, good: I8) -> int:
    """Note the newest stamps; how much telemetry is older than the newest of its plant before it."""
    state = fleet.state
    slot, stamp = slots[good], rows.event_time_ms[good]
    measured = ~rows.is_tick[good]
    late = _count_steps(fleet, slot[measured], stamp[measured])
    np.maximum.at(state["clock_ms"], slot, stamp)
    np.maximum.at(state["known_ms"], slot[measured], rows.known_at_ms[good][measured])
    np.maximum.at(state["telemetry_ms"], slot[measured], stamp[measured])
    np.maximum.at(state["telemetry_offset"], slot[measured], rows.offset[good][measured])
    return late


def _count_steps(fleet: Fleet, slot: I8, stamp: I8) -> int:
    """Count the steps by which each plant's newest stamp moves on: the commonest is its scan step.

    :return: how many stamps are older than the newest before them
    """
    order = rings.in_order(slot)
    s, t = slot[order], stamp[order]
    first = np.append(True, s[1:] != s[:-1])[: s.size]
    lane = np.cumsum(first) * (np.int64(1) << 45)
    reached = np.maximum(t, np.where(first, fleet.state["telemetry_ms"][s], -1))
    newest = np.maximum.accumulate(lane + reached) - lane
    before = np.where(first, fleet.state["telemetry_ms"][s], np.append(np.int64(-1), newest[:-1])[: s.size])
    moved = (newest > before) & (before >= 0)
    step = np.searchsorted(np.array(SCAN_STEPS_S) * 1000, (newest - before)[moved])
    rings.count(fleet.state["step_counts"], s[moved], np.minimum(step, len(SCAN_STEPS_S) - 1))
    return int((t < before).sum())


def _scans(fleet: Fleet, rows: TelemetryColumns, slots: I8, measured: I8, counts: Counter[str]) -> rings.Seen:
    state = fleet.state
    slot, stamp = slots[measured], rows.event_time_ms[measured]
    given = rows.power_given[measured]
    value = np.where(given, to_milli(np.where(given, rows.power_kw[measured], 0.0)), rings.NO_VALUE)
    seen = rings.remember(state["scan_time_ms"], state["scan_value"], slot, stamp, value)
    had = seen.before != rings.NO_VALUE
    change = np.where(given, value, 0) - np.where(seen.correction & had, seen.before, 0)
    weight = given.astype(np.int64) - (seen.correction & had)
    rows_in = np.flatnonzero(seen.fresh | seen.correction)
    interval = interval_index(stamp, state["resolution_s"][slot] * 1000)
    rings.add(*fleet.ring("power"), slot[rows_in], interval[rows_in], change[rows_in], weight[rows_in])
    _same_values(fleet, slot[seen.fresh & given], stamp[seen.fresh & given], value[seen.fresh & given])
    for name, flags in (
        ("repeats", seen.repeat),
        ("corrections", seen.correction),
        ("forgotten", seen.beyond),
    ):
        counts[name] += int(flags.sum())
    return seen


def _same_values(fleet: Fleet, slot: I8, stamp: I8, value: I8) -> None:
    """Length of each plant's current run of bit-identical nonzero scans."""
    if not slot.size:
        return
    state, order = fleet.state, rings.in_order(slot)
    s, v, t = slot[order], value[order], stamp[order]
    first = np.append(True, s[1:] != s[:-1])
    before = np.where(first, state["same_value"][s], np.append(0, v[:-1]))
    same = (v == before) & (v != 0)
    start = np.maximum.accumulate(np.where(first | ~same, np.arange(s.size), 0))  # of the run, in this batch
    last = np.flatnonzero(np.append(first[1:], True))
    s, v, start = s[last], v[last], start[last]
    goes_on = same[start]  # from before the batch
    state["same_scans"][s] = last - start + np.where(goes_on, state["same_scans"][s] + 1, v != 0)
    state["same_since_ms"][s] = np.where(goes_on, state["same_since_ms"][s], t[start])
    state["same_value"][s] = v


def _sensors(fleet: Fleet, rows: TelemetryColumns, slots: I8, fresh: I8) -> None:
    interval = _intervals(fleet, rows, slots, fresh)
    sensed = ((SETPOINT, rows.setpoint_kw), (WIND, rows.wind_speed_ms), (POA, rows.poa_irradiance_w_m2))
    for sensor, column in sensed:
        values = column[fresh]
        there = np.flatnonzero(np.isfinite(values))
        if there.size:
            lanes = slots[fresh][there] * 3 + sensor
            _add_to(fleet.ring("sensed"), lanes, interval[there], values[there])


def _intervals(fleet: Fleet, rows: TelemetryColumns, slots: I8, picked: I8) -> I8:
    """Number of the interval of each of some records, shape (n,)."""
    return interval_index(rows.event_time_ms[picked], fleet.state["resolution_s"][slots[picked]] * 1000)


def _units(fleet: Fleet, rows: TelemetryColumns, slots: I8, readings: I8, counts: Counter[str]) -> None:
    """Sum the readings of units; a unit is numbered when it is first seen."""
    table, row = rows.units, rows.units.row[readings]
    if not readings.size:
        return
    scans = np.flatnonzero(np.append(True, row[1:] != row[:-1]))  # the first reading of each
    told, many = row[scans].astype(np.int64), np.diff(np.append(scans, row.size))
    slot, interval = (np.repeat(of, many) for of in (slots[told], _intervals(fleet, rows, slots, told)))
    mine = unit_rows(fleet, slot, table.unit[readings], table.unit_ids)
    counts["units_ignored"] += int((mine == NO_ROW).sum())
    for sensor, column in ((0, table.power_kw), (1, table.wind_speed_ms)):
        values = column[readings]
        there = np.flatnonzero(np.isfinite(values) & (mine != NO_ROW))
        if there.size:
            _add_to(fleet.unit_ring(), mine[there] * 2 + sensor, interval[there], values[there])


def unit_rows(fleet: Fleet, slot: I8, unit: NDArray[np.int32], unit_ids: list[str]) -> I8:
    """Row of each reading's unit, shape (n,); `NO_ROW` where there is no room for it.

    :param unit: index into ``unit_ids`` of each reading, shape (n,)
    """
    pair: I8 = slot * len(unit_ids) + unit
    if (int(slot.max()) + 1) * len(unit_ids) > max(8 * pair.size, SMALL_TABLE):
        pair = np.unique(pair, return_inverse=True)[1]
    first = np.full(int(pair.max()) + 1, pair.size)
    first[pair[::-1]] = np.arange(pair.size)[::-1]  # of several values for a place the last one stays
    place = np.full(first.size, NO_ROW)
    seen = np.sort(first[first < pair.size])  # in the order of the journal
    seen = seen[np.argsort(slot[seen], kind="stable")]
    starts = np.flatnonzero(np.append(True, np.diff(slot[seen]) != 0)).tolist()
    names = [unit_ids[at] for at in unit[seen].tolist()]
    places: list[int] = []
    for start, end, of in zip(starts, [*starts[1:], seen.size], slot[seen[starts]].tolist(), strict=True):
        places += fleet.units.places(of, names[start:end])
    place[pair[seen]] = places
    found = place[pair]
    return np.where(found == NO_ROW, NO_ROW, found + fleet.units.first[slot])


def _add_to(ring: Ring, lanes: I8, interval: I8, values: F8) -> None:
    """Add values to the rings of a group of columns of shape (rows, ..., ring), seen as flat lanes."""
    index, sums, counts = (column.reshape(-1, column.shape[-1], copy=False) for column in ring)
    milli = to_milli(np.clip(values, -1e9, 1e9))
    rings.add(index, sums, counts, lanes, interval, milli, np.ones(values.size, np.int64))
