"""Scores of what PostgreSQL holds."""

import numpy as np

from consumers.stored_scores import Scans, StoredSteps, by_horizon, scores

HOUR_MS = 3_600_000
QUARTER_MS = 900_000


def _steps(issued_ms: list[int], p50_kw: list[float], lead_s: int = 3600) -> StoredSteps:
    n = len(issued_ms)
    median = np.array(p50_kw)
    return StoredSteps(
        issued_ms=np.array(issued_ms, np.int64),
        lead_s=np.full(n, lead_s, np.int64),
        interval_s=np.full(n, 900, np.int64),
        by_weather=np.ones(n),
        capacity_kw=np.full(n, 200.0),
        p10_kw=median - 20,
        p50_kw=median,
        p90_kw=median + 20,
    )


def _scans(power_kw: list[float], known_late: dict[int, int] | None = None) -> Scans:
    stamps = (np.arange(len(power_kw)) + 1) * QUARTER_MS
    known = stamps.copy()
    for place, at in (known_late or {}).items():
        known[place] = at * QUARTER_MS
    return Scans(stamps, known, np.array(power_kw), 900)


def test_errors_are_in_percent_of_capacity_against_the_interval_that_ends_at_the_step() -> None:
    power = [10.0, 20, 30, 40, 50, 60, 70, 80]

    (found,) = scores(_steps([QUARTER_MS, 2 * QUARTER_MS], [54.0, 64.0]), _scans(power))

    assert (found.horizon, found.n) == ("1h", 2)
    assert found.nmae == 2.0  # 4 kW of 200
    assert found.nmae_persistence == 20.0  # it rose by 40 kW in the hour
    assert found.skill == 0.9
    assert found.coverage80 == 1.0


def test_persistence_knows_only_what_had_arrived_by_the_issue() -> None:
    power = [10.0, 20, 30, 40, 50, 60, 70, 80]
    late = {1: 7, 2: 7}  # the second and third quarter came with the seventh

    (found,) = scores(_steps([3 * QUARTER_MS], [70.0]), _scans(power, late))

    assert found.nmae_persistence == 30.0  # from 10 kW of the first quarter to 70 kW


def test_what_met_no_actual_does_not_count() -> None:
    power = [10.0, 20, 30, 40, float("nan"), 60]

    found = scores(_steps([QUARTER_MS, 2 * QUARTER_MS, 20 * QUARTER_MS], [50.0, 60.0, 0.0]), _scans(power))

    assert [one.n for one in found] == [1]


def test_a_plant_without_telemetry_has_no_scores() -> None:
    assert scores(_steps([QUARTER_MS], [50.0]), _scans([])) == []


def test_the_summary_names_horizons() -> None:
    found = scores(_steps([QUARTER_MS], [54.0]), _scans([10.0, 20, 30, 40, 50]))

    assert by_horizon(found) == {"1h": {"n": 1, "nmae": 2.0, "nmae_persistence": 20.0, "coverage80": 1.0}}
