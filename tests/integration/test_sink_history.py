"""What training reads back is what was sent, as it was known at a time."""

from typing import Any

import numpy as np

from consumers.history import History, read_history
from consumers.refused import read_refused
from infra.postgres import transaction
from infra.settings import Settings
from infra.topics import JOURNAL
from schemas.records import PlantVersion, WeatherRun
from tests import output_records as made
from tests.integration.sink_help import CODEC, send, sink_all

LATER_MS = made.T0_MS + 86_400_000


def history(settings: Settings, until_ms: int = LATER_MS) -> History:
    with transaction(settings) as cursor:
        return read_history(cursor, until_ms)


def decoded(name: str, record: dict) -> dict:
    return CODEC.decode(CODEC.encode(name, [record])[0])[1]


def test_an_empty_database_is_an_empty_history(settings: Settings) -> None:
    found = history(settings)
    assert (found.plants, len(found.telemetry), found.runs) == ([], 0, [])


def test_plants_and_runs_come_back_to_the_bit(settings: Settings) -> None:
    plants = [made.plant("NULL", timezone="Europe/Paris", min_kw=-1 / 3), made.plant('b,\\n"c', kind="solar")]
    bare = made.run('b,\\n"c', hours=1, points=[], columns=[{"name": "x_c", "values": [1 / 3]}])
    send(settings, ("PlantVersion", plants), ("WeatherRun", [made.run("NULL"), bare]))
    sink_all(settings)
    found = history(settings)
    wanted = [PlantVersion.from_avro(decoded("PlantVersion", plant)) for plant in plants]
    assert sorted(found.plants, key=repr) == sorted(wanted, key=repr)
    for run in (made.run("NULL"), bare):
        sent = WeatherRun.from_avro(decoded("WeatherRun", run))
        (read,) = [one for one in found.runs if one.plant_id == run["plant_id"]]
        assert repr(read.to_avro() | {"journaled": True}) == repr(sent.to_avro())


def test_telemetry_comes_back_in_the_order_of_the_journal(settings: Settings) -> None:
    scans = [
        made.scan(step=step, power_kw=step / 3, wind_speed_ms=None if step else 7.1) for step in (2, 0, 1)
    ]
    nothing = made.scan(step=3, power_kw=None, setpoint_kw=500.0)
    send(settings, ("PlantVersion", [made.plant()]), ("Telemetry", [*scans, nothing]))
    sink_all(settings)
    rows = history(settings).telemetry
    assert rows.plant_ids == ["a"]
    assert rows.event_time_ms.tolist() == [made.T0_MS + step * made.QUARTER_MS for step in (2, 0, 1, 3)]
    np.testing.assert_array_equal(rows.power_kw, [2 / 3, 0.0, 1 / 3, np.nan])
    np.testing.assert_array_equal(rows.wind_speed_ms, [np.nan, 7.1, np.nan, np.nan])
    np.testing.assert_array_equal(rows.setpoint_kw, [np.nan] * 3 + [500.0])
    assert rows.power_given.tolist() == [True, True, True, False]


def test_what_became_known_later_is_not_there_and_a_correction_counts_from_when_it_was_known(
    settings: Settings,
) -> None:
    corrected = made.scan(power_kw=150.0, known_at=made.T0_MS + 5000)
    late = made.scan(step=-1, power_kw=80.0, known_at=made.T0_MS + 6000)
    send(
        settings,
        ("PlantVersion", [made.plant()]),
        ("Telemetry", [made.scan(power_kw=100.0), corrected, late]),
        ("WeatherRun", [made.run(known_at=made.T0_MS + 7000)]),
    )
    sink_all(settings)
    powers = [
        (until, history(settings, made.T0_MS + until)) for until in (1000, 1001, 5000, 5001, 6001, 7001)
    ]
    assert [(until, found.telemetry.power_kw.tolist(), len(found.runs)) for until, found in powers] == [
        (1000, [], 0),
        (1001, [100.0], 0),
        (5000, [100.0], 0),
        (5001, [150.0], 0),
        (6001, [150.0, 80.0], 0),
        (7001, [150.0, 80.0], 1),
    ]


def test_what_was_refused_as_impossible_comes_back_as_it_was_sent(settings: Settings) -> None:
    def refused(offset: int, reason: str, **fields: Any) -> dict[str, Any]:
        payload = CODEC.encode("Telemetry", [made.scan(step=offset, **fields)])[0]
        return {
            "topic": JOURNAL,
            "partition": 0,
            "offset": offset,
            "key": b"a",
            "payload": payload,
            "reason": reason,
            "detail": "",
        }

    in_watts = [refused(n, "out_of_range", power_kw=1000.0 * n) for n in (5, 6, 7)]
    send(settings, ("RejectedRecord", [*in_watts, refused(8, "unknown_plant")]))
    sink_all(settings)
    with transaction(settings) as cursor:
        found = read_refused(cursor, CODEC, made.T0_MS + 7 * made.QUARTER_MS)
    assert found.power_kw.tolist() == [5000.0, 6000.0]
    assert found.event_time_ms.tolist() == [made.T0_MS + n * made.QUARTER_MS for n in (5, 6)]
    with transaction(settings) as cursor:
        assert len(read_refused(cursor, CODEC, 0)) == 0
