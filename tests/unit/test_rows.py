"""Rows: what a record becomes, byte for byte, before any database sees it."""

import struct
from dataclasses import replace

import numpy as np
import pytest

from consumers import arrow_rows, copy_binary, rows, tables
from consumers.intake import OUTPUTS, Reader, Taken
from consumers.registry import Registry
from infra import topics
from schemas.arrow_bodies import ArrowBodies
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.ids import today
from schemas.records import PlantVersion
from schemas.wire import HEADER_BYTES
from tests import output_records as made

CODEC = Codec()
A = PlantVersion.from_avro(CODEC.decode(CODEC.encode("PlantVersion", [made.plant()])[0])[1])


def taken(topic: str, name: str, records: list[dict], first: int = 0) -> list[Taken]:
    payloads = CODEC.encode(name, records)
    return [
        Taken(topic, 0, first + at, record["plant_id"].encode(), payload)
        for at, (record, payload) in enumerate(zip(records, payloads, strict=True))
    ]


def journal(*groups: tuple[str, list[dict]]) -> list[Taken]:
    gathered: list[Taken] = []
    for name, records in groups:
        gathered += taken(topics.JOURNAL, name, records, len(gathered))
    return gathered


def table_of(found: list[rows.Rows], name: str) -> rows.Rows | None:
    return next((one for one in found if one.table.name == name), None)


def test_cells_follow_the_binary_format_of_copy() -> None:
    stream = copy_binary.encode(
        [
            copy_binary.texts(["é", None]),
            copy_binary.nullable_floats(np.array([1.5, np.nan])),
            copy_binary.numbers("timestamptz", np.array([946_684_800_001, 946_684_799_999])),
        ]
    )
    first = struct.pack(">h", 3) + b"\0\0\0\x02\xc3\xa9" + struct.pack(">idiq", 8, 1.5, 8, 1000)
    second = struct.pack(">h", 3) + b"\xff\xff\xff\xff" * 2 + struct.pack(">iq", 8, -1000)
    assert stream == b"PGCOPY\n\xff\r\n\0" + bytes(8) + first + second + b"\xff\xff"


def test_an_array_says_its_type_and_length_and_an_empty_one_has_no_dimension() -> None:
    full, empty = copy_binary.number_arrays("smallint", np.array([3, 4]), np.array([2, 0])).to_pylist()
    head = struct.pack(">iiIii", 1, 0, 21, 2, 1)
    assert full == struct.pack(">i", 32) + head + struct.pack(">ihih", 2, 3, 2, 4)
    assert empty == struct.pack(">iiiI", 12, 0, 0, 21)


@pytest.mark.parametrize(
    ("pg_type", "value"),
    [("smallint", 40_000), ("integer", 2**31), ("timestamptz", 2**62), ("timestamptz", -(2**62))],
)
def test_a_number_that_does_not_fit_is_refused_and_never_wrapped(pg_type: str, value: int) -> None:
    with pytest.raises(RecordRefused):
        copy_binary.numbers(pg_type, np.array([value]))


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_postgresql_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(RecordRefused):
        copy_binary.texts([text])


def test_json_has_null_where_there_is_no_number() -> None:
    (cell,) = copy_binary.documents([{"a": float("nan"), "b": [float("inf"), 1]}]).to_pylist()
    assert cell[5:] == b'{"a": null, "b": [null, 1]}'


@pytest.mark.parametrize(
    ("name", "table", "records"),
    [
        (
            "Forecast",
            tables.FORECASTS,
            [made.forecast(), made.forecast("b", 1, steps=2, telemetry_at=5, run_source="x")],
        ),
        ("Score", tables.SCORES, [made.score(), made.score(step=4)]),
        ("DriftEvent", tables.DRIFT, [made.drift(), made.drift(p_value=0.01)]),
    ],
)
def test_the_quick_way_through_arrow_gives_the_same_bytes(
    name: str, table: tables.Table, records: list[dict]
) -> None:
    payloads = CODEC.encode(name, records)
    writer = CODEC.ids.writer(CODEC.ids.id_of(name))
    (part,), rest = ArrowBodies(writer).read([payload[HEADER_BYTES:] for payload in payloads])
    assert not len(rest)
    quick = arrow_rows.from_arrow(table, part.batch)
    slow = rows.from_records(table, [CODEC.decode(payload)[1] for payload in payloads])
    assert quick.cells == slow.cells
    assert quick.months == slow.months


def test_lists_of_words_are_cells_of_their_own_length() -> None:
    lists = [["T1", "é"], [], ["T1"]]
    flat = copy_binary.words(np.array([0, 1, 0]), ["T1", "é"])
    cells = copy_binary.word_arrays(flat, np.array([2, 0, 1]))
    assert cells == copy_binary.text_arrays(lists)
    head = struct.pack(">iiIii", 1, 0, 25, 2, 1)
    assert cells.to_pylist()[0] == struct.pack(">i", 32) + head + b"\0\0\0\x02T1\0\0\0\x02\xc3\xa9"


def test_a_time_outside_2000_to_2099_makes_no_partition() -> None:
    with pytest.raises(RecordRefused):
        rows.from_records(
            tables.FORECASTS, [CODEC.decode(CODEC.encode("Forecast", [made.forecast(issued_at=0)])[0])[1]]
        )


@pytest.mark.parametrize(("name", "table"), OUTPUTS.values())
def test_a_table_has_every_field_of_its_record(name: str, table: tables.Table) -> None:
    assert set(table.columns) == {field["name"] for field in today(name)["fields"]}


def test_no_rows_are_possible_for_every_table() -> None:
    assert [len(rows.from_records(table, [])) for table in tables.TABLES] == [0] * len(tables.TABLES)


def test_telemetry_before_its_plant_is_known_never_becomes_an_actual() -> None:
    found = Reader(CODEC).read(
        journal(
            ("Telemetry", [made.scan(step=0)]),
            ("PlantVersion", [made.plant()]),
            ("Telemetry", [made.scan(step=1)]),
        ),
        Registry(),
    )
    telemetry = table_of(found.rows, "telemetry")
    assert telemetry is not None and len(telemetry) == 1
    assert found.refused == {(topics.JOURNAL, "unknown_plant"): 1}
    assert "a" in found.registry


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"power_kw": 10_000.0}, "out_of_range"),
        ({"power_kw": -500.0}, "out_of_range"),
        ({"power_kw": float("nan")}, "not_finite"),
        ({"power_kw": float("inf")}, "not_finite"),
        ({"event_time": 0}, "clock_past"),
        ({"known_at": made.T0_MS - 86_400_000}, "clock_ahead"),
        ({"plant_id": "nobody"}, "unknown_plant"),
    ],
)
def test_refused_telemetry_never_becomes_an_actual(fields: dict, reason: str) -> None:
    registry = Registry().with_plants([A])
    good, bad = made.scan(step=1), made.scan() | fields
    found = Reader(CODEC).read(journal(("Telemetry", [bad, good])), registry)
    telemetry = table_of(found.rows, "telemetry")
    assert telemetry is not None and len(telemetry) == 1
    assert found.refused == {(topics.JOURNAL, reason): 1}


def test_telemetry_is_judged_by_the_capacity_that_held_at_its_time() -> None:
    later = replace(A, valid_from_ms=made.T0_MS + made.QUARTER_MS, capacity_kw=2000.0)
    registry = Registry().with_plants([A, later])
    found = Reader(CODEC).read(
        journal(("Telemetry", [made.scan(step=0, power_kw=1800.0), made.scan(step=1, power_kw=1800.0)])),
        registry,
    )
    assert found.refused == {(topics.JOURNAL, "out_of_range"): 1}


def test_ticks_are_no_rows() -> None:
    registry = Registry().with_plants([A])
    tick = {"plant_id": "a", "event_time": made.T0_MS, "known_at": made.T0_MS}
    assert Reader(CODEC).read(journal(("Tick", [tick])), registry).rows == []


def test_units_stand_in_the_row_of_their_scan() -> None:
    units = [
        {"unit_id": f"T{n}", "power_kw": 10.0 * n, "wind_speed_ms": None, "status": None} for n in (1, 2)
    ]
    registry = Registry().with_plants([A])
    found = Reader(CODEC).read(journal(("Telemetry", [made.scan(units=units), made.scan(step=1)])), registry)
    telemetry = table_of(found.rows, "telemetry")
    assert telemetry is not None
    assert telemetry.column("unit_ids") == copy_binary.text_arrays([["T1", "T2"], []])
    wanted = copy_binary.number_arrays("double precision", np.array([10.0, 20.0]), np.array([2, 0]))
    assert telemetry.column("unit_power_kw") == wanted


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "truncated"),
        (b"\x01abcdefgh", "not_avro"),
        (b"\x00\x00\x00\x00\x07abc", "unknown_schema"),
        (None, "not_avro"),
        (CODEC.encode("Score", [made.score()])[0], "wrong_topic"),
        (CODEC.encode("Forecast", [made.forecast()])[0][:-3], "truncated"),
        (CODEC.encode("Forecast", [made.forecast()])[0] + b"x", "trailing_bytes"),
        (CODEC.encode("Forecast", [made.forecast(levels=[0.5])])[0], "poison"),
        (CODEC.encode("Forecast", [made.forecast(interval_s=[900])])[0], "poison"),
    ],
)
def test_an_unreadable_output_record_is_a_reject_and_the_rest_flows_on(
    payload: bytes | None, reason: str
) -> None:
    good = taken(topics.FORECASTS, "Forecast", [made.forecast(step=1)], first=8)
    found = Reader(CODEC).read([Taken(topics.FORECASTS, 0, 7, b"a", payload), *good], Registry())
    forecasts, rejects = table_of(found.rows, "forecasts"), table_of(found.rows, "rejects")
    assert forecasts is not None and len(forecasts) == 1
    assert rejects is not None and len(rejects) == 1
    assert rejects.column("offset") == copy_binary.numbers("bigint", np.array([7]))
    assert rejects.column("payload") == copy_binary.blobs([payload or b""])
    assert found.refused == {(topics.FORECASTS, reason): 1}


def test_rows_of_a_batch_do_not_depend_on_how_it_is_cut() -> None:
    records = journal(
        ("PlantVersion", [made.plant()]),
        ("Telemetry", [made.scan(step=step, power_kw=1100.0 + 50 * step) for step in range(4)]),
        ("PlantVersion", [made.plant(valid_from=made.T0_MS, capacity_kw=2000.0)]),
        ("Telemetry", [made.scan(step=step, power_kw=1100.0 + 50 * step) for step in range(4, 8)]),
        ("WeatherRun", [made.run()]),
    )
    whole = Reader(CODEC).read(records, Registry())
    registry, parts = Registry(), []
    for record in records:
        one = Reader(CODEC).read([record], registry)
        registry = one.registry
        parts += one.rows
    for table in ("telemetry", "plants", "weather_runs"):
        joined = rows.Rows.concat([part for part in parts if part.table.name == table])
        found = table_of(whole.rows, table)
        assert found is not None and found.cells == joined.cells
    assert registry == whole.registry
