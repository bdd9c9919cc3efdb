"""A canonical folder is read strictly, and every fault is named by its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from producers.folder import SINCE_EVER_MS, Folder, read_folder
from producers.problems import BadFolder
from schemas.records import PlantKind
from tests.unit.producers.folders import NOW_MS, PLANTS, TELEMETRY, telemetry, write

SAMPLES = Path(__file__).parents[3] / "samples"
MIDNIGHT_MS = 1_704_067_200_000
MINUTE_MS = 60_000


def faults(folder: Path) -> list[str]:
    with pytest.raises(BadFolder) as caught:
        read_folder(folder, NOW_MS)
    return [str(problem) for problem in caught.value.problems]


def read(folder: Path) -> Folder:
    return read_folder(folder, NOW_MS)


def minutes(times_ms: np.ndarray) -> list[float]:
    return ((times_ms - MIDNIGHT_MS) / MINUTE_MS).tolist()


def test_a_good_folder_is_read_whole(tmp_path: Path) -> None:
    folder = read(write(tmp_path))
    assert folder.plant_ids == ["w1"]
    assert folder.plants[0].kind is PlantKind.WIND
    assert folder.plants[0].scan_s == 600
    assert minutes(folder.telemetry.event_time_ms) == [10, 20, 30]
    assert folder.telemetry.numbers["power_kw"].tolist() == [100, 110, 120]
    assert folder.notes == ()


def test_compressed_and_plain_files_are_the_same(tmp_path: Path) -> None:
    plain = read(write(tmp_path / "a"))
    folder = write(tmp_path / "b", telemetry="")
    (folder / "telemetry.csv.gz").write_bytes(gzip.compress(TELEMETRY.encode()))
    assert read(folder).telemetry.numbers["power_kw"].tolist() == plain.telemetry.numbers["power_kw"].tolist()


def test_a_missing_and_an_empty_folder_say_what_is_needed(tmp_path: Path) -> None:
    assert "is no folder" in faults(tmp_path / "nowhere")[0]
    (tmp_path / "empty").mkdir()
    assert "is empty: it needs plants.csv" in faults(tmp_path / "empty")[0]


@pytest.mark.parametrize("name", ["plants", "telemetry"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    assert f"{name}.csv: is missing" in faults(write(tmp_path, **{name: ""}))[0]


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, telemetry="")
    (folder / "telemetry.csv").touch()
    assert faults(folder) == ["telemetry.csv: is empty: it needs a header and rows"]


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "telemetry.csv.gz").write_bytes(gzip.compress(TELEMETRY.encode()))
    assert "keep one of the two" in faults(folder)[0]


def test_a_damaged_gzip_is_said_to_be_so(tmp_path: Path) -> None:
    folder = write(tmp_path, telemetry="")
    whole = gzip.compress((TELEMETRY * 50).encode())
    (folder / "telemetry.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "telemetry.csv.gz: cannot be read" in faults(folder)[0]


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("abc", "'abc' is not a number"),
        ('"3,5"', "decimals are written with a point"),
        ("inf", "'inf' is not a finite number"),
        ("1_000", "'1_000' is not a number"),
    ],
)
def test_a_bad_number_is_named_by_row_and_column(tmp_path: Path, cell: str, what: str) -> None:
    folder = write(tmp_path, telemetry=telemetry("00:10:00Z,1", f"00:20:00Z,{cell}", "00:30:00Z,3"))
    (found,) = faults(folder)
    assert found.startswith("telemetry.csv row 3, column power_kw: ")
    assert what in found


@pytest.mark.parametrize("cell", ["", "NaN", "null", "NA"])
def test_no_value_is_missing_and_not_zero(tmp_path: Path, cell: str) -> None:
    folder = read(write(tmp_path, telemetry=telemetry("00:10:00Z,0", f"00:20:00Z,{cell}")))
    power_kw = folder.telemetry.numbers["power_kw"]
    assert power_kw[0] == 0
    assert np.isnan(power_kw[1])


@pytest.mark.parametrize(
    ("stamp", "what"),
    [
        ("2024-01-01T00:20:00", "does not say its time zone"),
        ("2024-13-01T00:20:00Z", "is no time"),
        ("01.01.2024 00:20", "is no time"),
        ("", "is empty: give a time"),
    ],
)
def test_a_bad_time_is_named_by_row_and_column(tmp_path: Path, stamp: str, what: str) -> None:
    text = f"plant_id,event_time,power_kw\nw1,2024-01-01T00:10:00Z,1\nw1,{stamp},2\n"
    (found,) = faults(write(tmp_path, telemetry=text))
    assert found.startswith("telemetry.csv row 3, column event_time: ")
    assert what in found


def test_offsets_are_honoured(tmp_path: Path) -> None:
    text = telemetry("01:10:00+01:00,1", "00:20:00Z,2", "00:30:00.250Z,3")
    assert minutes(read(write(tmp_path, telemetry=text)).telemetry.event_time_ms) == [10, 20, 30 + 0.25 / 60]


def test_rows_are_counted_past_blank_and_broken_lines(tmp_path: Path) -> None:
    text = telemetry("00:10:00Z,1", "00:20:00Z,1,7") + "\n" + "w1,2024-01-01T00:30:00Z,x\n"
    assert faults(write(tmp_path, telemetry=text)) == [
        "telemetry.csv row 3: has 4 cells where the header has 3: look for a lost or a spare comma",
        "telemetry.csv row 5, column power_kw: 'x' is not a number: leave the cell empty where there is none",
    ]


def test_many_faults_are_counted_and_the_first_twenty_kept(tmp_path: Path) -> None:
    folder = write(tmp_path, telemetry=telemetry(*[f"{h:02}:00:00,1" for h in range(24)] * 2))
    with pytest.raises(BadFolder) as caught:
        read_folder(folder, NOW_MS)
    assert (caught.value.count, len(caught.value.problems)) == (48, 20)
    assert "has 48 problems" in str(caught.value)


def test_an_unknown_plant_is_refused(tmp_path: Path) -> None:
    text = TELEMETRY + "w2,2024-01-01T00:10:00Z,1\n"
    assert faults(write(tmp_path, telemetry=text)) == [
        "telemetry.csv row 5, column plant_id: 'w2' is not in plants.csv: add it there"
    ]


@pytest.mark.parametrize(
    ("row", "column", "what"),
    [
        ("w1,tidal,1000,,,600", "kind", "'tidal' is neither wind nor solar"),
        ("w1,wind,0,,,600", "capacity_kw", "0 is no capacity"),
        ("w1,wind,,,,600", "capacity_kw", "is empty"),
        ("w1,wind,1000,91,8,600", "latitude", "91 is out of range"),
        ("w1,wind,1000,50,,600", "longitude", "give both coordinates or neither"),
        ("w1,wind,1000,,,700", "resolution_s", "700 does not fit"),
        (",wind,1000,,,600", "plant_id", "is empty"),
    ],
)
def test_a_bad_plant_is_named_by_row_and_column(tmp_path: Path, row: str, column: str, what: str) -> None:
    found = faults(write(tmp_path, plants=f"{PLANTS.splitlines()[0]}\n{row}\n"))
    assert found[0].startswith(f"plants.csv row 2, column {column}: ")
    assert what in found[0]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    found = faults(write(tmp_path, telemetry="plant_id,event_time\nw1,2024-01-01T00:10:00Z\n"))
    assert found == ["telemetry.csv row 1, column power_kw: is missing; the header has plant_id, event_time"]


def test_a_semicolon_file_is_recognised(tmp_path: Path) -> None:
    assert "parted by ';'" in faults(write(tmp_path, telemetry=TELEMETRY.replace(",", ";")))[0]


def test_a_missing_resolution_is_told_from_the_commonest_step(tmp_path: Path) -> None:
    folder = read(write(tmp_path, plants="plant_id,kind,capacity_kw\nw1,wind,1000\n"))
    assert folder.plants[0].resolution_s == 600
    assert "w1 has no resolution_s; the commonest step is 600 s, so 600 s is taken" in folder.notes[0]


def test_a_history_of_a_plant_is_known_version_by_version(tmp_path: Path) -> None:
    header = "plant_id,kind,capacity_kw,resolution_s,valid_from\n"
    rows = "w1,wind,2000,600,2024-01-01T00:20:00Z\nw1,wind,1000,600,\n"
    first, second = read(write(tmp_path, plants=header + rows)).plants
    assert (first.capacity_kw, first.valid_from_ms, minutes(np.array([first.known_at_ms]))) == (
        1000,
        SINCE_EVER_MS,
        [10],
    )
    assert (second.capacity_kw, minutes(np.array([second.known_at_ms]))) == (2000, [20])


def test_a_row_is_known_from_the_largest_event_time_so_far_in_its_plant(tmp_path: Path) -> None:
    text = telemetry("00:10:00Z,1", "00:30:00Z,2", "00:20:00Z,3", "00:40:00Z,4")
    assert minutes(read(write(tmp_path, telemetry=text)).telemetry.known_at_ms) == [10, 30, 30, 40]


def test_a_given_time_of_knowing_counts_and_an_empty_one_does_not(tmp_path: Path) -> None:
    header = "plant_id,event_time,power_kw,known_at"
    rows = ("00:10:00Z,1,2024-01-01T05:00:00Z", "00:20:00Z,2,")
    assert minutes(
        read(write(tmp_path, telemetry=telemetry(*rows, header=header))).telemetry.known_at_ms
    ) == [300, 20]


def test_a_stamp_ahead_of_the_wall_clock_does_not_carry_the_rows_behind_it_along(tmp_path: Path) -> None:
    text = TELEMETRY + "w1,2099-01-01T00:00:00Z,1\nw1,2024-01-01T00:40:00Z,130\n"
    assert minutes(read(write(tmp_path, telemetry=text)).telemetry.known_at_ms) == [10, 20, 30, 30, 40]


def test_repeats_and_disorder_are_passed_on(tmp_path: Path) -> None:
    text = telemetry("00:20:00Z,1", "00:10:00Z,2", "00:10:00Z,2", "00:10:00Z,5")
    folder = read(write(tmp_path, telemetry=text))
    assert minutes(folder.telemetry.event_time_ms) == [20, 10, 10, 10]
    assert folder.telemetry.numbers["power_kw"].tolist() == [1, 2, 2, 5]


def test_units_stand_with_the_row_of_their_time(tmp_path: Path) -> None:
    units = (
        "plant_id,unit_id,event_time,power_kw\n"
        "w1,b,2024-01-01T00:20:00Z,60\nw1,a,2024-01-01T00:10:00Z,40\n"
        "w1,a,2024-01-01T00:20:00Z,50\nw1,a,2024-01-01T09:00:00Z,1\n"
    )
    folder = read(write(tmp_path, units=units))
    readings = folder.units.readings
    assert readings.row.tolist() == [0, 1, 1]
    assert [readings.unit_ids[unit] for unit in readings.unit] == ["a", "b", "a"]
    assert readings.power_kw.tolist() == [40, 60, 50]
    assert "1 rows are left out" in folder.notes[0]


def test_a_repeated_row_repeats_its_units(tmp_path: Path) -> None:
    units = "plant_id,unit_id,event_time,power_kw\nw1,a,2024-01-01T00:10:00Z,40\n"
    text = telemetry("00:10:00Z,1", "00:10:00Z,1")
    readings = read(write(tmp_path, telemetry=text, units=units)).units.readings
    assert (readings.row.tolist(), readings.power_kw.tolist()) == ([0, 1], [40, 40])


def test_the_kth_reading_of_a_unit_belongs_to_the_kth_row_of_its_time(tmp_path: Path) -> None:
    units = (
        "plant_id,unit_id,event_time,power_kw\nw1,a,2024-01-01T00:10:00Z,40\nw1,a,2024-01-01T00:10:00Z,41\n"
    )
    text = telemetry("00:10:00Z,1", "00:20:00Z,1", "00:10:00Z,2")
    readings = read(write(tmp_path, telemetry=text, units=units)).units.readings
    assert (readings.row.tolist(), readings.power_kw.tolist()) == ([0, 2], [40, 41])


WEATHER = (
    "plant_id,source,published_at,valid_at,wind_speed_100m_ms\n"
    "w1,nwp,2024-01-01T00:00:00Z,2024-01-01T02:00:00Z,7\n"
    "w1,nwp,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,6\n"
    "w2,nwp,2024-01-01T00:00:00Z,2024-01-01T02:00:00Z,9\n"
    "w1,nwp,2024-01-01T06:00:00Z,2024-01-01T07:00:00Z,\n"
)
TWO = PLANTS + "w2,wind,500,51.0,8.0,600\n"


def test_weather_rows_become_runs_in_order_of_publication(tmp_path: Path) -> None:
    runs = read(write(tmp_path, plants=TWO, weather=WEATHER)).runs
    assert [(run.plant_id, minutes(np.array([run.known_at_ms]))[0]) for run in runs] == [
        ("w1", 0),
        ("w2", 0),
        ("w1", 360),
    ]
    assert runs[0].columns["wind_speed_100m_ms"].tolist() == [6, 7]
    assert runs[0].journaled


def test_a_run_carries_its_neighbours_at_its_own_valid_times(tmp_path: Path) -> None:
    runs = read(write(tmp_path, plants=TWO, weather=WEATHER)).runs
    (point,) = runs[0].points
    assert (point.point_id, point.latitude) == ("w2", 51.0)
    np.testing.assert_array_equal(point.columns["wind_speed_100m_ms"], [np.nan, 9])
    assert runs[1].points[0].columns["wind_speed_100m_ms"].tolist() == [7]
    assert runs[2].points == ()


def test_a_run_of_the_future_is_refused(tmp_path: Path) -> None:
    text = WEATHER.replace("2024-01-01T06:00:00Z", "2099-01-01T00:00:00Z")
    found = faults(write(tmp_path, plants=TWO, weather=text))
    assert found == [
        "weather.csv row 5, column published_at: lies in the future: a run counts from when it was published"
    ]


@pytest.mark.parametrize(
    ("name", "rows", "runs"), [("la_haute_borne", 14_486, 101), ("serf_east", 10_000, 105)]
)
def test_the_samples_are_canonical_folders(name: str, rows: int, runs: int) -> None:
    folder = read(SAMPLES / name)
    assert (len(folder.telemetry), len(folder.runs)) == (rows, runs)
