"""What the sink writes, with a real Kafka and a real PostgreSQL."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import reduce
from operator import add
from random import Random
from typing import Any

import pytest

from consumers import partitions, tables
from consumers.intake import Reader, Taken
from consumers.registry import Registry
from consumers.staging import Counts, write_rows
from consumers.tables import TABLES
from infra import metrics, topics
from infra.postgres import connect
from infra.settings import Settings
from tests import output_records as made
from tests.integration.sink_help import CODEC, ask, send, send_bytes, sink_all

REJECT: dict[str, Any] = {
    "topic": topics.JOURNAL,
    "partition": 1,
    "offset": 77,
    "key": b"a",
    "payload": b"\xff\x00",
    "reason": "not_avro",
    "detail": "begins with byte 255, not with 0",
    "plant_id": "a",
    "schema_id": 2_000_000_001,
}


def at(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def count(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"gridcast_{name}_total", labels) or 0.0


def test_every_kind_of_record_becomes_one_row(settings: Settings) -> None:
    send(
        settings,
        ("PlantVersion", [made.plant()]),
        ("WeatherRun", [made.run()]),
        ("Release", [made.release()]),
        ("Telemetry", [made.scan(step=step) for step in range(3)]),
        ("Tick", [{"plant_id": "a", "event_time": made.T0_MS, "known_at": made.T0_MS}]),
        ("Forecast", [made.forecast(), made.forecast("b")]),
        ("Score", [made.score()]),
        ("AnomalyEvent", [made.anomaly(), made.anomaly(sequence=1, phase="close")]),
        ("DriftEvent", [made.drift()]),
        ("RejectedRecord", [REJECT]),
    )
    sink_all(settings)
    counts = {one.name: ask(settings, f"select count(*) from {one.name}")[0][0] for one in TABLES}
    assert counts == {
        "plants": 1,
        "weather_runs": 1,
        "releases": 1,
        "telemetry": 3,
        "forecasts": 2,
        "scores": 1,
        "anomalies": 2,
        "drift_events": 1,
        "rejects": 1,
    }
    assert ask(settings, 'select payload, schema_id, "offset" from rejects') == [
        (b"\xff\x00", 2_000_000_001, 77)
    ]
    assert ask(settings, "select manifest ->> 'trained_until', manifest -> 'loss' from releases") == [
        ("2014-05-01", None)
    ]


def test_views_have_a_row_a_step_a_lead_time_a_unit_and_a_value(settings: Settings) -> None:
    units = [{"unit_id": "T1", "power_kw": 60.0, "wind_speed_ms": None, "status": None}]
    send(
        settings,
        ("PlantVersion", [made.plant()]),
        ("WeatherRun", [made.run(hours=2)]),
        ("Telemetry", [made.scan(units=units)]),
        ("Forecast", [made.forecast(steps=2), made.forecast(step=1, steps=1, available_kw=[400.0])]),
        ("Score", [made.score()]),
        ("AnomalyEvent", [made.anomaly(), made.anomaly("b"), made.anomaly(sequence=1, phase="close")]),
    )
    sink_all(settings)
    steps = ask(
        settings,
        "select step, valid_at, interval_s, p10_kw, p50_kw, p90_kw, available_kw, power_kw"
        " from forecast_steps order by issued_at, step",
    )
    whole = (900, 90.0, 100.0, 110.0, 100.0, [90.0, 100.0, 110.0])
    assert steps == [
        (1, at(made.T0_MS + 900_000), *whole),
        (2, at(made.T0_MS + 1_800_000), *whole),
        (1, at(made.T0_MS + 1_800_000), 900, 90.0, 100.0, 110.0, 400.0, [90.0, 100.0, 110.0]),
    ]
    assert ask(settings, "select lead_s, actual_kw, median_kw, inside from score_leads order by lead_s") == [
        (900, 90.0, 100.0, True),
        (3600, 90.0, 120.0, False),
    ]
    assert ask(settings, "select unit_id, power_kw, wind_speed_ms from unit_telemetry") == [
        ("T1", 60.0, None)
    ]
    assert ask(settings, "select name, value from weather_steps order by name, valid_at") == [
        ("temperature_2m_c", None),
        ("temperature_2m_c", None),
        ("wind_speed_100m_ms", 8.0),
        ("wind_speed_100m_ms", 9.0),
    ]
    assert ask(settings, "select plant_id from open_anomalies") == [("b",)]


def test_months_get_partitions_when_they_come(settings: Settings) -> None:
    years_apart = [made.forecast(issued_at=ms) for ms in (1_388_534_399_999, 1_388_534_400_000, made.T0_MS)]
    send(settings, ("Forecast", years_apart))
    sink_all(settings)
    assert ask(settings, "select tableoid::regclass::text from forecasts order by issued_at") == [
        ("forecasts_2013_12",),
        ("forecasts_2014_01",),
        ("forecasts_2014_05",),
    ]


def test_a_later_value_is_a_correction_beside_the_first(settings: Settings) -> None:
    send(settings, ("PlantVersion", [made.plant()]), ("Telemetry", [made.scan(power_kw=100.0)]))
    sink_all(settings)
    corrections = [
        made.scan(power_kw=value, known_at=made.T0_MS + at_) for value, at_ in ((150.0, 1), (None, 2))
    ]
    send(settings, ("Telemetry", [*corrections, made.scan(power_kw=160.0, known_at=made.T0_MS + 3)]))
    send(settings, ("Telemetry", [made.scan(power_kw=160.0, known_at=made.T0_MS + 4)]))
    before = count("records", topic=topics.JOURNAL, outcome="correction")
    sink_all(settings)
    assert ask(settings, "select power_kw, corrected_kw, corrected_at from telemetry") == [
        (100.0, 160.0, at(made.T0_MS + 3))
    ]
    assert ask(settings, "select power_kw, first_kw from actuals") == [(160.0, 100.0)]
    assert count("records", topic=topics.JOURNAL, outcome="correction") - before == 2


def test_a_value_after_a_null_is_a_correction(settings: Settings) -> None:
    scans = [made.scan(power_kw=None), made.scan(power_kw=70.0)]
    send(settings, ("PlantVersion", [made.plant()]), ("Telemetry", scans))
    sink_all(settings)
    assert ask(settings, "select power_kw, first_kw from actuals") == [(70.0, None)]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_and_counted_does_not_depend_on_how_scans_are_cut(
    settings: Settings, seed: int
) -> None:
    draw = Random(seed)
    scans = [
        made.scan(step=draw.randrange(6), power_kw=draw.choice([None, 100.0, 150.0]), known_at=made.T0_MS + n)
        for n in range(40)
    ]
    records = [
        Taken(topics.JOURNAL, 0, n, b"a", payload)
        for n, payload in enumerate(
            [*CODEC.encode("PlantVersion", [made.plant()]), *CODEC.encode("Telemetry", scans)]
        )
    ]
    cuts = sorted(draw.sample(range(2, len(records)), 4))
    some = [records[a:b] for a, b in zip([0, *cuts], [*cuts, len(records)], strict=True)]
    alone = _written(settings, [[record] for record in records])
    assert _written(settings, [records]) == alone
    assert _written(settings, some) == alone
    assert alone[1].corrections and alone[1].repeats


def _written(settings: Settings, batches: list[list[Taken]]) -> tuple[Sequence[tuple[Any, ...]], Counts]:
    """What stands in the table after these batches, and the counts without `known`; then undone."""
    reader, registry, counts = Reader(CODEC), Registry(), list[Counts]()
    with closing(connect(settings)) as server, server.cursor() as cursor:
        for batch in batches:
            intake = reader.read(batch, registry)
            registry = intake.registry
            for rows in (one for one in intake.rows if one.table is tables.TELEMETRY and len(one)):
                if not counts:
                    partitions.ensure(server, partitions.needed([rows]))
                counts.append(write_rows(cursor, rows))
        cursor.execute("select * from telemetry order by plant_id, event_time")
        found = cursor.fetchall()
        server.rollback()
    total = reduce(add, counts)
    return found, Counts(total.offered, total.written, total.repeats, total.differing, total.corrections)


def test_refused_telemetry_is_no_actual_and_its_reject_is_there(settings: Settings) -> None:
    wild = made.scan(step=1, power_kw=10_000.0)
    send(
        settings,
        ("PlantVersion", [made.plant()]),
        ("Telemetry", [made.scan(), wild]),
        (
            "RejectedRecord",
            [REJECT | {"reason": "out_of_range", "payload": CODEC.encode("Telemetry", [wild])[0]}],
        ),
    )
    sink_all(settings)
    assert ask(settings, "select count(*) from actuals") == [(1,)]
    assert ask(settings, "select reason from rejects") == [("out_of_range",)]


def test_a_repeat_is_counted_and_another_value_is_an_alarm_that_changes_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    send(settings, ("Forecast", [made.forecast()]))
    sink_all(settings)
    repeats, alarms = count("sink_repeats", table="forecasts"), count("sink_conflicts", table="forecasts")
    send(settings, ("Forecast", [made.forecast(known_at=made.T0_MS + 9), made.forecast(power_kw=500.0)]))
    sink_all(settings)
    assert ask(settings, "select p50_kw from forecast_steps where step = 1") == [(100.0,)]
    assert count("sink_repeats", table="forecasts") - repeats == 1
    assert count("sink_conflicts", table="forecasts") - alarms == 1
    assert "other values" in caplog.text
    send(settings, ("Forecast", [made.forecast(power_kw=700.0)]))
    sink_all(settings)
    assert count("sink_conflicts", table="forecasts") - alarms == 2, "also alone in its batch"
    assert ask(settings, "select p50_kw from forecast_steps where step = 1") == [(100.0,)]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("DriftEvent", made.drift(message="a\0b")),
        ("Forecast", made.forecast(issued_at=0)),
        ("Forecast", made.forecast(rung=[70_000, 0, 0, 0])),
        ("DriftEvent", made.drift(event_time=2**62)),
    ],
)
def test_a_record_that_no_table_can_hold_is_a_reject_and_the_rest_flows_on(
    settings: Settings, name: str, record: dict[str, Any]
) -> None:
    good = made.drift() if name == "DriftEvent" else made.forecast()
    send(settings, (name, [good, record, good | {"plant_id": "b"}]))
    sink_all(settings)
    table = {"DriftEvent": "drift_events", "Forecast": "forecasts"}[name]
    assert ask(settings, f"select plant_id from {table} order by 1") == [("a",), ("b",)]
    assert ask(settings, "select reason, payload from rejects") == [
        ("poison", CODEC.encode(name, [record])[0])
    ]


@pytest.mark.parametrize("payload", [b"", None, b"\x00\x00\x00\x00\x07abc", b"'; drop table forecasts; --"])
def test_bytes_that_are_no_record_are_a_reject_and_the_rest_flows_on(
    settings: Settings, payload: bytes | None
) -> None:
    send_bytes(settings, topics.FORECASTS, payload)
    send(settings, ("Forecast", [made.forecast()]))
    sink_all(settings)
    assert ask(settings, "select count(*) from forecasts") == [(1,)]
    assert ask(settings, "select topic, payload from rejects") == [(topics.FORECASTS, payload or b"")]


def test_hostile_texts_are_values_and_never_statements(settings: Settings) -> None:
    hostile = "x'); drop table forecasts; --\t\\.\n{\"}"
    plant_id = hostile.replace("\t", "\\t").replace("\n", "\\n")  # one that a registry admits
    send(
        settings,
        ("PlantVersion", [made.plant(plant_id)]),
        ("WeatherRun", [made.run(plant_id, columns=[{"name": hostile, "values": [1.0] * 3}])]),
        ("Telemetry", [made.scan(plant_id)]),
        ("Forecast", [made.forecast(plant_id)]),
        ("AnomalyEvent", [made.anomaly(plant_id, evidence={hostile: 1.0}, message=hostile)]),
    )
    sink_all(settings)
    for table in ("plants", "telemetry", "forecasts"):
        assert ask(settings, f"select plant_id from {table}") == [(plant_id,)]
    assert ask(settings, "select distinct name from weather_steps") == [(hostile,)]
    assert ask(settings, "select evidence, message from anomalies") == [({hostile: 1.0}, hostile)]
