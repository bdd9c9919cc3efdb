"""Columns of a journal: none lost, none mixed up, whatever is cut and joined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.errors import DecodeError, Reason
from schemas.journal import TelemetryColumns
from schemas.records import AreaPoint, PlantKind, PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun
from tests.unit.schemas_samples import YEAR_2014_MS, telemetry

CODEC = Codec()
PLANTS = ("b", "a", "ç")


def columns(first_offset: int, plants: list[str], units: list[int]) -> TelemetryColumns:
    """Telemetry of these plants, with that many units each; the power says which record it was."""
    rows = [
        telemetry(plant, YEAR_2014_MS + at, units=count, power_kw=first_offset + at)
        for at, (plant, count) in enumerate(zip(plants, units, strict=True))
    ]
    offsets = np.arange(first_offset, first_offset + len(rows))
    keys = [plant.encode() for plant in plants]
    return CODEC.decode_journal("t", 0, offsets, keys, CODEC.encode("Telemetry", rows)).telemetry


def as_rows(part: TelemetryColumns) -> list[tuple[object, ...]]:
    """What each row says, ids spelt out, units with it."""
    readings: list[list[tuple[object, ...]]] = [[] for _ in range(len(part))]
    units = part.units
    for row, unit, power_kw in zip(units.row, units.unit, units.power_kw, strict=True):
        readings[row].append((units.unit_ids[unit], power_kw))
    return [
        (part.plant_ids[plant], offset, power_kw, tuple(own))
        for plant, offset, power_kw, own in zip(part.plant, part.offset, part.power_kw, readings, strict=True)
    ]


ROWS = st.lists(st.tuples(st.sampled_from(PLANTS), st.integers(0, 3)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_joined_parts_say_what_the_parts_said(batches: list[list[tuple[str, int]]]) -> None:
    parts = [
        columns(100 * at, [plant for plant, _ in rows], [count for _, count in rows])
        for at, rows in enumerate(batches)
    ]
    joined = TelemetryColumns.concat(parts)
    assert as_rows(joined) == [row for part in parts for row in as_rows(part)]
    assert len(set(joined.plant_ids)) == len(joined.plant_ids)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_taken_rows_keep_their_units(rows: list[tuple[str, int]], data: st.DataObject) -> None:
    whole = columns(0, [plant for plant, _ in rows], [count for _, count in rows])
    order = data.draw(st.permutations(range(len(rows))))[: data.draw(st.integers(0, len(rows)))]
    assert as_rows(whole.take(np.array(order, np.int64))) == [as_rows(whole)[at] for at in order]
    mask = np.isin(np.arange(len(rows)), order)
    assert as_rows(whole.take(mask)) == [as_rows(whole)[at] for at in sorted(order)]


def test_empty_columns_join_with_others() -> None:
    some = columns(0, ["a"], [2])
    assert as_rows(TelemetryColumns.concat([TelemetryColumns.empty(), some])) == as_rows(some)
    assert len(TelemetryColumns.empty().take(np.zeros(0, np.bool_))) == 0


def run(columns: dict[str, np.ndarray], points: tuple[AreaPoint, ...] = ()) -> WeatherRun:
    """A run of two valid times."""
    times = np.array([YEAR_2014_MS, YEAR_2014_MS + 3_600_000])
    return WeatherRun("a", "met", YEAR_2014_MS - 1, YEAR_2014_MS, times, columns, points, journaled=True)


def test_a_weather_run_keeps_its_columns_points_and_holes() -> None:
    wind = {"wind_speed_10m_ms": np.array([1.5, np.nan]), "cloud_cover_pct": np.array([np.nan, np.nan])}
    sent = run(wind, (AreaPoint("p1", 1.0, None, {"wind_speed_10m_ms": np.array([np.nan, 0.0])}),))
    _, record = CODEC.decode(CODEC.encode("WeatherRun", [sent.to_avro()])[0])
    back = WeatherRun.from_avro(record)
    assert back.to_avro() == sent.to_avro()
    assert list(back.columns) == list(wind)
    np.testing.assert_array_equal(back.columns["wind_speed_10m_ms"], [1.5, np.nan])
    np.testing.assert_array_equal(back.points[0].columns["wind_speed_10m_ms"], [np.nan, 0.0])
    assert (back.points[0].latitude, back.points[0].longitude) == (1.0, None)


@pytest.mark.parametrize("place", ["columns", "points"])
def test_a_run_whose_columns_are_not_as_long_as_its_times_is_bad(place: str) -> None:
    short = [{"name": "temperature_c", "values": [1.0]}]
    point = {"point_id": "p", "latitude": None, "longitude": None, "columns": short}
    record = run({}).to_avro() | {place: short if place == "columns" else [point]}
    with pytest.raises(DecodeError, match="1 values for 2 valid times") as caught:
        WeatherRun.from_avro(record)
    assert caught.value.reason is Reason.BAD_RUN


def test_a_run_with_the_same_column_twice_is_bad() -> None:
    twice = [{"name": "temperature_c", "values": [1.0, 2.0]}] * 2
    with pytest.raises(DecodeError, match="twice"):
        WeatherRun.from_avro(run({}).to_avro() | {"columns": twice})


@pytest.mark.parametrize(
    "plant",
    [
        PlantVersion("a", YEAR_2014_MS, 0, PlantKind.WIND, 8200.0, 600),
        PlantVersion(
            "a",
            0,
            1,
            PlantKind.SOLAR,
            75.5,
            900,
            39.7,
            -105.2,
            3600,
            60,
            -0.5,
            80.0,
            45.0,
            180.0,
            "Europe/Paris",
        ),
    ],
)
def test_a_plant_version_survives_the_round_trip(plant: PlantVersion) -> None:
    _, record = CODEC.decode(CODEC.encode("PlantVersion", [plant.to_avro()])[0])
    assert PlantVersion.from_avro(record) == plant


@pytest.mark.parametrize("role", list(ReleaseRole))
def test_a_release_survives_the_round_trip(role: ReleaseRole) -> None:
    release = ReleaseRecord("boost", "7", YEAR_2014_MS, 3, role, "ab" * 32, 2**40, ("a", "b"), '{"seed": 1}')
    _, record = CODEC.decode(CODEC.encode("Release", [release.to_avro()])[0])
    assert ReleaseRecord.from_avro(record) == release
