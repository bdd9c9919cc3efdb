"""What is done to a plant's rows on purpose is found, weighed and named by its row; nothing else is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from producers.check import read_strictly
from producers.findings.all import find_all
from producers.findings.base import Columns, Finding, Weight
from tests.unit.producers.findings.plants import (
    SAMPLES,
    found,
    in_local_time,
    kinds,
    park,
    placed,
    sample,
    scaled,
    wind,
)
from tests.unit.producers.folders import NOW_MS, TELEMETRY, write

#: 02:00 on 31 March 2024, which no clock in Paris showed.
SPRING_MS = 1_711_850_400_000
MUCH, SOME, LITTLE = Weight.MUCH, Weight.SOME, Weight.LITTLE


def one(columns: Columns, kind: str) -> Finding:
    (finding,) = [finding for finding in found(columns) if finding.kind == kind]
    return finding


def with_power(columns: Columns, places: slice | np.ndarray | int, power: float) -> Columns:
    changed = columns.power_kw.copy()
    changed[places] = power
    return replace(columns, power_kw=changed)


def without(columns: Columns, places: slice | np.ndarray) -> Columns:
    keep = np.ones(columns.row.size, np.bool_)
    keep[places] = False
    return replace(
        columns, row=columns.row[keep], stamp_ms=columns.stamp_ms[keep], power_kw=columns.power_kw[keep]
    )


def in_order(columns: Columns, places: np.ndarray) -> Columns:
    return replace(columns, stamp_ms=columns.stamp_ms[places], power_kw=columns.power_kw[places])


@pytest.mark.parametrize("name", ["serf_east", "la_haute_borne"])
def test_of_the_samples_nothing_heavy_is_said(name: str) -> None:
    assert kinds(sample(name), Weight.STOPS, MUCH) == set()
    assert kinds(sample(name), SOME) == {"history"}


@pytest.mark.parametrize("columns", [wind(), park(52.0, 10.0, days=200)])
def test_of_a_sound_plant_only_the_history_is_said(columns: Columns) -> None:
    assert kinds(columns) <= {"history", "standstill"}


@pytest.mark.parametrize(
    ("factor", "kind", "weight", "what"),
    [
        (1000.0, "unit", MUCH, "it looks like W"),
        (0.001, "unit", MUCH, "it looks like MW"),
        (2.0, "capacity", MUCH, "over 120% and will be refused"),
        (0.5, "capacity", SOME, "power never comes over"),
        (0.1, "capacity", MUCH, "power never comes over"),
    ],
)
@pytest.mark.parametrize("columns", [wind(), park(52.0, 10.0, days=200), sample("la_haute_borne")])
def test_a_wrong_unit_and_a_wrong_capacity_are_found(
    columns: Columns, factor: float, kind: str, weight: Weight, what: str
) -> None:
    finding = one(scaled(columns, factor), kind)
    assert (finding.weight, what in finding.what) == (weight, True)
    assert finding.row == columns.row[np.nanargmax(columns.power_kw)]


def test_a_few_values_over_the_capacity_do_not_make_another_unit() -> None:
    finding = one(with_power(wind(), 700, 32.767), "range")
    assert (finding.weight, finding.row) == (LITTLE, 702)


def test_a_gap_is_measured_and_named_by_the_row_after_it() -> None:
    finding = one(without(wind(), slice(1000, 1144)), "gaps")
    assert (finding.row, finding.weight) == (1146, SOME)
    assert "the longest is 24.17 h" in finding.what
    assert finding.share == pytest.approx(1 / 90, rel=0.01)


def test_missing_power_is_counted() -> None:
    finding = one(with_power(wind(), slice(5, 15), float("nan")), "empty")
    assert (finding.row, finding.weight) == (7, LITTLE)
    assert kinds(with_power(wind(), slice(None), float("nan")), MUCH) == {"empty"}


def test_a_value_that_hangs_is_found_and_one_that_clips_is_not() -> None:
    finding = one(with_power(wind(), slice(300, 372), 0.4), "flat")
    assert (finding.row, "12 h at 0.4 kW" in finding.what) == (302, True)
    assert "flat" not in kinds(with_power(wind(), slice(300, 372), 0.97))
    held = wind()
    for start in (1000, 2000, 3000, 4000):
        held = with_power(held, slice(start, start + 72), 0.4)
    assert "flat" not in kinds(held)


def test_days_at_nothing_are_a_standstill() -> None:
    assert one(with_power(wind(), slice(1000, 1000 + 5 * 144), 0.0), "standstill").row == 1002


def test_repeats_corrections_and_disorder_are_told_apart() -> None:
    plant = wind()
    again = in_order(plant, np.insert(np.arange(plant.row.size - 1), 10, 9))
    assert (one(again, "repeated").weight, one(again, "repeated").row) == (LITTLE, 12)
    assert one(with_power(again, 10, 0.123), "corrected").row == 12
    late = in_order(plant, np.append(np.delete(np.arange(plant.row.size), 10), 10))
    assert one(late, "unordered").row == plant.row.size + 1
    assert one(in_order(plant, np.arange(plant.row.size)[::-1]), "unordered").weight == MUCH
    assert "unordered" not in kinds(replace(late, known_given=True))


def test_nights_below_zero_are_own_consumption_until_they_are_too_deep() -> None:
    roof = park(52.0, 10.0, days=200)
    night = roof.power_kw == 0
    assert one(with_power(roof, night, -0.005), "negative").weight == LITTLE
    assert one(with_power(roof, night, -0.03), "negative").weight == SOME
    assert one(with_power(roof, night, -0.2), "range").weight == MUCH
    assert one(scaled(roof, -1), "sign").weight == MUCH


@pytest.mark.parametrize(("days", "weight"), [(40, MUCH), (100, SOME)])
def test_too_little_history_is_said(days: int, weight: Weight) -> None:
    assert one(wind(days=days), "history").weight == weight
    assert "history" not in kinds(wind(days=370))


def test_a_sensor_that_hangs_or_shows_what_cannot_be_is_found() -> None:
    plant = wind()
    air = 10 + np.random.default_rng(2).normal(size=plant.row.size)
    assert "sensor" not in kinds(replace(plant, sensors={"temperature_c": air}))
    cold, stuck = air.copy(), air.copy()
    cold[50], stuck[100:500] = -273.2, 7.5
    finding = one(replace(plant, sensors={"temperature_c": cold}), "sensor")
    assert (finding.row, finding.column, finding.weight) == (52, "temperature_c", LITTLE)
    assert one(replace(plant, sensors={"temperature_c": stuck}), "sensor").row == 102


@pytest.mark.parametrize(
    ("factor", "weight", "what"),
    [(1000.0, MUCH, "they look like W"), (0.001, MUCH, "they look like MW"), (0.5, SOME, "0.5 times")],
)
def test_units_of_another_size_than_their_plant_are_found(
    factor: float, weight: Weight, what: str, tmp_path: Path
) -> None:
    shutil.copytree(SAMPLES / "la_haute_borne", tmp_path / "mine")
    path = tmp_path / "mine" / "units.csv.gz"
    units = pd.read_csv(path)
    units.assign(power_kw=units["power_kw"] * factor).to_csv(path, index=False)
    read = read_strictly(tmp_path / "mine", NOW_MS)
    (finding,) = [one for one in find_all(read.folder, read.tables) if one.kind == "units"]
    assert (finding.weight, finding.file, what in finding.what) == (weight, "units.csv.gz", True)


def test_a_clock_that_runs_wild_is_named_and_spoils_nothing_else(tmp_path: Path) -> None:
    wild = "w1,9997-01-01T00:00:00Z,5\nw1,0003-01-01T00:00:00Z,5\nw1,1999-12-31T00:00:00Z,5\n"
    read = read_strictly(write(tmp_path, telemetry=TELEMETRY + wild), NOW_MS)
    (finding,) = [one for one in find_all(read.folder, read.tables) if one.kind == "time"]
    assert (finding.row, finding.share, finding.weight) == (5, 0.5, MUCH)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 8])
def test_a_few_rows_are_looked_at_as_well(rows: int) -> None:
    for plant in (wind(), park(52.0, 10.0, days=2)):
        few = without(plant, slice(rows, None))
        assert kinds(few) <= {"history", "capacity", "standstill"}


def test_a_plant_without_telemetry_and_one_at_no_place_are_said(tmp_path: Path) -> None:
    plants = "plant_id,kind,capacity_kw,latitude,longitude\nw1,wind,1000,0,0\nw2,wind,1000,50,8\n"
    read = read_strictly(write(tmp_path, plants=plants), NOW_MS)
    said = {(finding.plant, finding.kind) for finding in find_all(read.folder, read.tables)}
    assert {("w2", "empty"), ("w1", "position")} <= said


def test_clock_changes_are_found_in_the_stamps_of_a_wind_farm() -> None:
    local = in_local_time(wind(days=300), "Europe/Berlin")
    finding = one(local, "clock")
    assert "a missing hour on 2024-03-31 and a doubled hour on 2024-10-27" in finding.what
    assert (finding.weight, "Europe/Berlin" in finding.what) == (MUCH, True)
    assert "Europe/London" in one(in_local_time(placed(wind(300), 51, 0), "Europe/London"), "clock").what


def test_offsets_that_follow_a_clock_which_the_plant_never_had_are_found() -> None:
    plant = wind(days=300)
    as_if_local = in_local_time(plant, "UTC").stamp_ms
    moments = pd.to_datetime(as_if_local, unit="ms").tz_localize(
        "Europe/Paris", ambiguous=np.zeros(as_if_local.size, np.bool_), nonexistent="shift_forward"
    )
    utc = np.asarray(moments.tz_convert("UTC").tz_localize(None).as_unit("ms").astype("int64"))
    # The hour that does not exist stands under the one after it.
    skipped = (as_if_local >= SPRING_MS) & (as_if_local < SPRING_MS + 3_600_000)
    finding = one(replace(plant, stamp_ms=np.where(skipped, as_if_local - 3_600_000, utc)), "clock")
    assert (finding.weight, "--ignore-offset" in finding.do) == (MUCH, True)
    assert "a missing hour on 2024-10-27 and a doubled hour on 2024-03-31 in UTC" in finding.what


def test_an_outage_of_an_hour_is_no_clock_change() -> None:
    plant = wind(days=300)
    for start in range(1000, 40000, 1007):
        plant = without(plant, slice(start, start + 6))
    assert "clock" not in kinds(plant)
