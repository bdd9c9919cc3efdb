"""What the tables say of lost energy: events, and each plant's power, measured and expected."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from consumers.stored import read_plants, time_of
from models.energy_lost import CAUSES, Course, Event, Told
from models.forecast.base import HOUR_MS, Floats, Ints
from models.windows import interval_means
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

LEAD_MS: Final = 6 * HOUR_MS  # from here on a forecast hardly follows what the plant does
ISSUES_EVERY: Final = "3 hours"  # of these one forecast is read
BACK_MS: Final = 48 * HOUR_MS  # read before the range, for records that reach into it


def newest_plants(cursor: cursor) -> list[PlantVersion]:
    """The newest version of each plant, by name."""
    newest = {one.plant_id: one for one in sorted(read_plants(cursor), key=lambda p: p.valid_from_ms)}
    return [newest[name] for name in sorted(newest)]


def told_range(cursor: cursor) -> tuple[int, int] | None:
    """The stamps of the oldest and the newest telemetry in the tables; None where there is none."""
    cursor.execute(
        "select (extract(epoch from min(event_time)) * 1000)::bigint,"
        " (extract(epoch from max(event_time)) * 1000)::bigint from telemetry"
    )
    first, last = cursor.fetchone() or (None, None)
    return None if first is None else (int(first), int(last))


_EVENTS: Final = f"""
select unit_id, detector, started, at, phase, expected_kw, actual_kw, energy_kwh
from (
    select
        unit_id,
        detector,
        (extract(epoch from started_at) * 1000)::bigint as started,
        (extract(epoch from event_time) * 1000)::bigint as at,
        phase,
        expected_kw,
        actual_kw,
        energy_kwh,
        sequence,
        max(event_time) over event as newest,
        bool_or(phase = 'close') over event as closed
    from anomalies
    where plant_id = %(plant)s and detector = any(%(detectors)s) and started_at <= {time_of("until").string}
    window event as (partition by unit_id, detector, started_at)
) as told
where not closed or newest >= {time_of("since").string}
order by unit_id, detector, started, sequence
"""


def read_events(cursor: cursor, plant_id: str, from_ms: int, to_ms: int) -> list[Event]:
    """The plant's events that cost energy and were open at any time of the range, with all their records."""
    span = {"plant": plant_id, "since": from_ms, "until": to_ms, "detectors": list(CAUSES)}
    cursor.execute(_EVENTS, span)
    return [_event(list(rows)) for _, rows in groupby(cursor.fetchall(), key=lambda row: row[:3])]


def _event(rows: list[tuple[Any, ...]]) -> Event:
    unit_id, detector, started_ms = rows[0][:3]
    closed = [int(at) for _, _, _, at, phase, *_ in rows if phase == "close"]
    told = [
        Told(int(at), _number(expected), _number(actual), float(energy))
        for _, _, _, at, _, expected, actual, energy in rows
    ]
    return Event(unit_id, detector, int(started_ms), closed[0] if closed else None, told)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def read_course(cursor: cursor, plant: PlantVersion, from_ms: int, to_ms: int) -> Course:
    """The plant's intervals from two days before the range to its end, without prices."""
    step_ms = plant.resolution_s * 1000
    end_ms = np.arange((from_ms - BACK_MS) // step_ms + 1, to_ms // step_ms + 1, dtype=np.int64) * step_ms
    actual_kw, units = _actual(cursor, plant, end_ms)
    expected_kw = _expected(cursor, plant.plant_id, end_ms)
    return Course(end_ms, step_ms, actual_kw, expected_kw, np.full(len(end_ms), np.nan), units)


_ACTUAL: Final = f"""
select
    (extract(epoch from event_time) * 1000)::bigint,
    case when corrected_at is null then power_kw else corrected_kw end,
    cardinality(unit_ids)
from telemetry
where plant_id = %(plant)s
    and event_time > {time_of("since").string}
    and event_time <= {time_of("until").string}
order by event_time
"""


def _actual(cursor: cursor, plant: PlantVersion, end_ms: Ints) -> tuple[Floats, int]:
    """Interval means (n,) and how many units reported at most."""
    made = np.full(len(end_ms), np.nan)
    step_ms = plant.resolution_s * 1000
    if not len(end_ms):
        return made, 1
    span = {"plant": plant.plant_id, "since": int(end_ms[0]) - step_ms, "until": int(end_ms[-1])}
    cursor.execute(_ACTUAL, span)
    rows = cursor.fetchall()
    if not rows:
        return made, 1
    stamps = np.array([row[0] for row in rows], np.int64)
    power = np.array([_number(row[1]) for row in rows])
    scan_s = min(plant.scan_s or plant.resolution_s, plant.resolution_s)
    ends, means = interval_means(stamps, power, plant.resolution_s, scan_s)
    place = (ends - end_ms[0]) // step_ms
    inside = (place >= 0) & (place < len(end_ms))
    made[place[inside]] = means[inside]
    return made, max(max(int(row[2]) for row in rows), 1)


_EXPECTED: Final = f"""
with chosen as (
    select distinct on (date_bin('{ISSUES_EVERY}', issued_at, timestamptz 'epoch')) issued_at, model, version
    from forecasts
    where plant_id = %(plant)s
        and issued_at >= {time_of("since").string}
        and issued_at < {time_of("until").string}
    order by date_bin('{ISSUES_EVERY}', issued_at, timestamptz 'epoch'), issued_at, version
)
select
    (extract(epoch from s.valid_at) * 1000)::bigint,
    s.interval_s::bigint * 1000,
    (extract(epoch from s.valid_at - s.issued_at) * 1000)::bigint,
    s.available_kw
from chosen c
join forecast_steps s on s.plant_id = %(plant)s and s.issued_at = c.issued_at
    and s.model = c.model and s.version = c.version
"""


def _expected(cursor: cursor, plant_id: str, end_ms: Ints) -> Floats:
    """What was available (n,) [kW] by the newest forecast of at least 6 h before, so that an outage that is
    already going on does not excuse itself; where there is none, by the oldest that there is.
    """
    made, best = np.full(len(end_ms), np.nan), np.full(len(end_ms), np.inf)
    if not len(end_ms):
        return made
    span = {"plant": plant_id, "since": int(end_ms[0]) - BACK_MS, "until": int(end_ms[-1])}
    cursor.execute(_EXPECTED, span)
    for valid_ms, length_ms, lead_ms, available_kw in cursor.fetchall():
        if available_kw is None:
            continue
        worth = lead_ms if lead_ms >= LEAD_MS else 10**12 - lead_ms
        first, last = np.searchsorted(end_ms, [valid_ms - length_ms, valid_ms], side="right")
        better = np.arange(first, last)[best[first:last] > worth]
        made[better], best[better] = available_kw, worth
    return made
