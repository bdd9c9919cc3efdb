"""The records of a folder come in the order in which they were known; the wire says what the columns say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.validate import FIRST_TIME_MS
from producers.encode import payloads
from producers.folder import Folder, read_folder
from producers.order import Kind, merge
from producers.ticks import gap_ticks, issue_ticks, no_ticks
from schemas.codec import Codec
from schemas.journal import JournalBatch, TelemetryColumns
from schemas.records import PlantVersion, WeatherRun
from tests.unit.producers.folders import NOW_MS, PLANTS, TELEMETRY, telemetry, write

SAMPLES = Path(__file__).parents[3] / "samples"
MIDNIGHT_MS = 1_704_067_200_000
MINUTE_MS = 60_000
WEATHER = (
    "plant_id,source,published_at,valid_at,wind_speed_100m_ms\n"
    "w1,nwp,2024-01-01T00:20:00Z,2024-01-01T01:00:00Z,7\n"
)


def read(folder: Path) -> Folder:
    return read_folder(folder, NOW_MS)


def minutes(times_ms: np.ndarray) -> list[float]:
    return ((times_ms - MIDNIGHT_MS) / MINUTE_MS).tolist()


def test_plants_come_before_weather_and_weather_before_telemetry_at_equal_times(tmp_path: Path) -> None:
    journal = merge(read(write(tmp_path, weather=WEATHER)), no_ticks())
    kinds = [Kind(kind) for kind in journal.kind]
    assert kinds == [Kind.PLANT, Kind.TELEMETRY, Kind.RUN, Kind.TELEMETRY, Kind.TELEMETRY]
    assert minutes(journal.known_at_ms) == [10, 10, 20, 20, 30]


def test_files_sorted_by_plant_are_merged_by_time(tmp_path: Path) -> None:
    plants = PLANTS + "w2,wind,500,,,600\n"
    text = TELEMETRY + TELEMETRY.split("\n", 1)[1].replace("w1", "w2")
    rows = merge(read(write(tmp_path, plants=plants, telemetry=text)), no_ticks()).rows
    assert rows.plant.tolist() == [0, 1, 0, 1, 0, 1]


def test_a_late_row_keeps_its_place_of_arrival(tmp_path: Path) -> None:
    text = telemetry("00:10:00Z,1", "00:30:00Z,2", "00:20:00Z,3", "00:40:00Z,4")
    rows = merge(read(write(tmp_path, telemetry=text)), no_ticks()).rows
    assert minutes(rows.event_time_ms) == [10, 30, 20, 40]


def test_a_tick_stands_where_no_telemetry_has_reached_an_issue_time_in_a_minute(tmp_path: Path) -> None:
    text = telemetry("00:15:00Z,1", "00:30:30Z,2", "00:46:01Z,3", "01:40:00Z,4")
    folder = read(write(tmp_path, telemetry=text))
    ticks = gap_ticks(folder)
    assert minutes(ticks.event_time_ms) == [45, 60, 75, 90]
    assert minutes(ticks.known_at_ms) == [46, 61, 76, 91]


def test_no_tick_stands_before_the_first_or_after_the_last_record(tmp_path: Path) -> None:
    ticks = gap_ticks(read(write(tmp_path, weather=WEATHER.replace("00:20:00Z", "02:00:00Z"))))
    assert minutes(ticks.event_time_ms) == [15, 45, 60, 75, 90, 105]


def test_a_clock_that_was_never_set_makes_no_ticks(tmp_path: Path) -> None:
    text = "plant_id,event_time,power_kw\nw1,1970-01-01T00:00:00Z,1\n" + TELEMETRY.split("\n", 1)[1]
    folder = read(write(tmp_path, telemetry=text))
    assert minutes(gap_ticks(folder).event_time_ms) == [15]
    assert folder.plants[0].known_at_ms >= FIRST_TIME_MS


def test_a_backtest_ticks_every_plant_at_each_issue_and_not_a_minute_later(tmp_path: Path) -> None:
    folder = read(write(tmp_path, plants=PLANTS + "w2,wind,500,,,600\n"))
    ticks = issue_ticks(folder, 3600, MIDNIGHT_MS, MIDNIGHT_MS + 120 * MINUTE_MS)
    assert ticks.plant.tolist() == [0, 1, 0, 1]
    assert minutes(ticks.known_at_ms) == [0, 0, 60, 60]


def test_offsets_count_up_and_leave_room_between_records(tmp_path: Path) -> None:
    journal = merge(read(write(tmp_path, weather=WEATHER)), no_ticks())
    (batch,) = journal.batches(0, len(journal), 100)
    taken = sorted([*batch.telemetry.offset.tolist(), *(offset for offset, _ in batch.controls)])
    assert taken == [0, 2, 4, 6, 8]
    assert (batch.last_offset, batch.size) == (8, 5)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_of_any_size_hold_the_same_records(size: int) -> None:
    folder = read(SAMPLES / "la_haute_borne")
    journal = merge(folder, gap_ticks(folder))
    stop = 500
    parts = list(journal.batches(100, stop, size))
    whole = journal.columns(100, stop)
    joined = TelemetryColumns.concat([part.telemetry for part in parts])
    assert sum(part.size for part in parts) == stop - 100
    same_columns(joined, whole)


def test_what_is_published_is_what_a_backtest_feeds(tmp_path: Path) -> None:
    folder = read(SAMPLES / "la_haute_borne")
    journal = merge(folder, gap_ticks(folder))
    stop = 3000
    codec = Codec()
    wire = payloads(journal, codec, np.arange(stop))
    offsets = np.arange(stop, dtype=np.int64) * 2
    keys: list[bytes | None] = [b"la-haute-borne"] * stop
    decoded = codec.decode_journal("plant.telemetry", 0, offsets, keys, list(wire))
    (fed,) = journal.batches(0, stop, stop)
    assert decoded.bad == []
    same_batch(decoded, fed)


def test_columns_without_a_field_of_their_own_travel_as_other_readings(tmp_path: Path) -> None:
    header = "plant_id,event_time,power_kw,wind_speed_ms,dew_point_c,status"
    text = telemetry("00:10:00Z,1,5.5,-2,run", "00:20:00Z,2,,,", header=header)
    journal = merge(read(write(tmp_path, telemetry=text)), no_ticks())
    codec = Codec()
    first, second = (codec.decode(payload)[1] for payload in payloads(journal, codec, np.array([1, 2])))
    assert (first["wind_speed_ms"], first["status"]) == (5.5, "run")
    assert first["other"] == [{"name": "dew_point_c", "value": -2.0}]
    assert (second["wind_speed_ms"], second["status"], second["other"]) == (None, None, [])


def same_batch(one: JournalBatch, other: JournalBatch) -> None:
    same_columns(one.telemetry, other.telemetry)
    assert (one.size, one.last_offset) == (other.size, other.last_offset)
    assert [offset for offset, _ in one.controls] == [offset for offset, _ in other.controls]
    for (_, left), (_, right) in zip(one.controls, other.controls, strict=True):
        assert isinstance(left, PlantVersion | WeatherRun)
        assert isinstance(right, PlantVersion | WeatherRun)
        np.testing.assert_equal(left.to_avro(), right.to_avro())


def same_columns(one: TelemetryColumns, other: TelemetryColumns) -> None:
    for name in (
        "offset",
        "event_time_ms",
        "known_at_ms",
        "is_tick",
        "power_given",
        "power_kw",
        "wind_speed_ms",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert [one.plant_ids[i] for i in one.plant] == [other.plant_ids[i] for i in other.plant]
    np.testing.assert_array_equal(one.units.row, other.units.row)
    np.testing.assert_array_equal(one.units.power_kw, other.units.power_kw)
    assert [one.units.unit_ids[i] for i in one.units.unit] == [
        other.units.unit_ids[i] for i in other.units.unit
    ]
