"""A batch of the journal: every record is telemetry, a control record, or bad with its reason."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bodies import BodyReader
from schemas.codec import Codec
from schemas.errors import DecodeError, Reason, ServiceUnavailable
from schemas.ids import Definition, SchemaIds, today
from schemas.journal import JournalBatch
from schemas.records import PlantKind, PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun
from schemas.wire import header
from tests.unit.schemas_samples import YEAR_2014_MS, records, telemetry, tick

CODEC = Codec()
FIRST_OFFSET = 1000
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def batch_of(
    payloads: Sequence[bytes | None], keys: Sequence[bytes | None] | None = None, codec: Codec = CODEC
) -> JournalBatch:
    """The payloads as a batch, under the key "a" unless told."""
    offsets = np.arange(FIRST_OFFSET, FIRST_OFFSET + len(payloads))
    return codec.decode_journal("plant.telemetry", 3, offsets, keys or [b"a"] * len(payloads), payloads)


def said(batch: JournalBatch) -> dict[int, Any]:
    """offset -> what came of the record there; each offset must be there once."""
    rows = batch.telemetry
    units: dict[int, list[Any]] = {}
    for row, unit, *values in zip(
        rows.units.row, rows.units.unit, rows.units.power_kw, rows.units.wind_speed_ms, strict=True
    ):
        units.setdefault(int(row), []).append((rows.units.unit_ids[unit], *values))
    fields = ("event_time_ms", "known_at_ms", "is_tick", "power_given", "power_kw", "setpoint_kw")
    more = ("wind_speed_ms", "temperature_c", "poa_irradiance_w_m2")
    out: dict[int, Any] = {}
    for row, offset in enumerate(rows.offset.tolist()):
        values = [getattr(rows, name)[row].item() for name in (*fields, *more)]
        out[offset] = repr((rows.plant_ids[rows.plant[row]], values, units.get(row, [])))
    out |= {offset: repr(control.to_avro()) for offset, control in batch.controls}
    out |= {bad.offset: bad for bad in batch.bad}
    assert len(out) == len(rows) + len(batch.controls) + len(batch.bad) == batch.size
    return out


def written_with(schema: Definition, record: dict[str, Any]) -> bytes:
    """A body in another version."""
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def test_telemetry_and_ticks_become_rows_in_the_order_of_the_journal() -> None:
    first = telemetry(
        units=2, setpoint_kw=7.0, wind_speed_ms=1.0, temperature_c=-2.0, poa_irradiance_w_m2=3.0
    )
    payloads = [
        *CODEC.encode("Telemetry", [first]),
        *CODEC.encode("Tick", [tick("b", YEAR_2014_MS + 5)]),
        *CODEC.encode("Telemetry", [telemetry("b", power_kw=None), telemetry(power_kw=float("nan"))]),
    ]
    batch = batch_of(payloads, [b"a", b"b", b"b", b"a"])
    rows = batch.telemetry
    assert (batch.topic, batch.partition, batch.size, batch.last_offset) == ("plant.telemetry", 3, 4, 1003)
    assert batch.known_at_ms == YEAR_2014_MS + 60_005
    assert rows.offset.tolist() == [1000, 1001, 1002, 1003]
    assert [rows.plant_ids[plant] for plant in rows.plant] == ["a", "b", "b", "a"]
    assert rows.event_time_ms.tolist() == [YEAR_2014_MS, YEAR_2014_MS + 5, YEAR_2014_MS, YEAR_2014_MS]
    assert rows.is_tick.tolist() == [False, True, False, False]
    assert rows.power_given.tolist() == [True, False, False, True]
    np.testing.assert_array_equal(rows.power_kw, [12.5, np.nan, np.nan, np.nan])
    sensors = (rows.setpoint_kw, rows.wind_speed_ms, rows.temperature_c, rows.poa_irradiance_w_m2)
    assert [column[0] for column in sensors] == [7.0, 1.0, -2.0, 3.0]
    assert rows.units.row.tolist() == [0, 0]
    assert [rows.units.unit_ids[unit] for unit in rows.units.unit] == ["T0", "T1"]
    assert rows.units.power_kw.tolist() == [100.0, 101.0]


def test_control_records_come_with_their_offsets_and_a_release_under_any_key() -> None:
    plant = PlantVersion("a", YEAR_2014_MS, 1, PlantKind.WIND, 10.0, 600)
    run = WeatherRun("a", "met", 0, 2, np.array([YEAR_2014_MS]), {"wind_speed_10m_ms": np.array([4.0])})
    release = ReleaseRecord("boost", "1", YEAR_2014_MS, 9, ReleaseRole.CHAMPION, "", 0)
    payloads = [
        *CODEC.encode("Release", [release.to_avro()]),
        *CODEC.encode("PlantVersion", [plant.to_avro()]),
        *CODEC.encode("WeatherRun", [run.to_avro()]),
        *CODEC.encode("Release", [release.to_avro()]),
    ]
    batch = batch_of(payloads, [b"a", b"a", b"a", None])
    assert [offset for offset, _ in batch.controls] == [1000, 1001, 1002, 1003]
    assert [batch.controls[at][1] for at in (0, 1, 3)] == [release, plant, release]
    assert isinstance(batch.controls[2][1], WeatherRun)
    assert (len(batch.telemetry), batch.bad, batch.known_at_ms) == (0, [], 9)


def test_an_empty_batch_is_empty() -> None:
    batch = batch_of([])
    assert (batch.size, batch.last_offset, batch.known_at_ms, len(batch.telemetry)) == (0, -1, -1, 0)


def bad_payloads() -> dict[str, tuple[Reason, bytes | None, bytes | None]]:
    """name -> (reason, key, payload)."""
    row, run = telemetry(units=1, status="é"), WeatherRun("a", "met", 0, 2, np.array([1]), {})
    good = CODEC.encode("Telemetry", [row])[0]
    short_run = run.to_avro() | {"columns": [{"name": "x", "values": []}]}
    plant = PlantVersion("a", YEAR_2014_MS, 1, PlantKind.WIND, 10.0, 600)
    return {
        "tombstone": (Reason.NOT_AVRO, b"a", None),
        "empty": (Reason.TRUNCATED, b"a", b""),
        "half a header": (Reason.TRUNCATED, b"a", good[:4]),
        "header alone": (Reason.TRUNCATED, b"a", good[:5]),
        "truncated": (Reason.TRUNCATED, b"a", good[:-3]),
        "trailing bytes": (Reason.TRAILING_BYTES, b"a", good + b"\x00"),
        "a record twice": (Reason.TRAILING_BYTES, b"a", good + good[5:]),
        "json": (Reason.NOT_AVRO, b"a", b'{"plant_id": "a"}'),
        "foreign": (Reason.NOT_AVRO, b"a", good[:5] + b"\x02a\x02\x02\x7f" + bytes(40)),
        "not utf-8": (Reason.NOT_AVRO, b"a", good.replace("é".encode(), b"\xc3\x28")),
        "unknown schema": (Reason.UNKNOWN_SCHEMA, b"a", header(77) + good[5:]),
        "of another topic": (Reason.WRONG_TOPIC, b"a", CODEC.encode("Marker", [_marker()])[0]),
        "another key": (Reason.KEY_MISMATCH, b"b", good),
        "no key": (Reason.KEY_MISMATCH, None, good),
        "tick under another key": (Reason.KEY_MISMATCH, b"b", CODEC.encode("Tick", [tick()])[0]),
        "plant under another key": (
            Reason.KEY_MISMATCH,
            b"b",
            CODEC.encode("PlantVersion", [plant.to_avro()])[0],
        ),
        "run that contradicts itself": (Reason.BAD_RUN, b"a", CODEC.encode("WeatherRun", [short_run])[0]),
    }


def _marker() -> dict[str, Any]:
    return {"partition": 0, "journal_offset": 1, "releases": "[]"}


@pytest.mark.parametrize("name", bad_payloads())
def test_a_bad_record_is_named_with_its_reason_and_the_others_flow_on(name: str) -> None:
    reason, key, payload = bad_payloads()[name]
    good = CODEC.encode("Telemetry", [telemetry(power_kw=float(at)) for at in range(9)])
    batch = batch_of([*good[:5], payload, *good[5:]], [b"a"] * 5 + [key] + [b"a"] * 4)
    assert [(bad.offset, bad.reason) for bad in batch.bad] == [(1005, reason)]
    assert batch.bad[0].detail
    assert batch.telemetry.power_kw.tolist() == [float(at) for at in range(9)]
    assert batch.last_offset == 1009


def test_a_wrong_key_names_the_plant_that_the_record_claims() -> None:
    (bad,) = batch_of(CODEC.encode("Telemetry", [telemetry("ä")]), [b"b"]).bad
    assert (bad.plant_id, bad.schema_id) == ("ä", CODEC.ids.id_of("Telemetry"))


def test_what_comes_of_a_record_does_not_depend_on_its_batch() -> None:
    cases = [case[1:] for case in bad_payloads().values()]
    cases += [
        (b"a", payload) for payload in CODEC.encode("Telemetry", [telemetry(units=at) for at in range(5)])
    ]
    rng = np.random.default_rng(1)
    for _ in range(20):
        mixed = [cases[at] for at in rng.permutation(len(cases))]
        keys, payloads = [key for key, _ in mixed], [payload for _, payload in mixed]
        alone = [said(batch_of([payload], [key]))[FIRST_OFFSET] for key, payload in mixed]
        whole = said(batch_of(payloads, keys))
        for at, one in enumerate(alone):
            assert _but_offset(whole[FIRST_OFFSET + at]) == _but_offset(one)


@pytest.mark.parametrize("seed", range(4))
def test_a_record_that_ends_in_another_place_takes_nothing_of_its_neighbours(seed: int) -> None:
    """Payloads lie behind one another and are read as one array: where each ends must be seen."""
    rng = np.random.default_rng(seed)
    good = CODEC.encode("Telemetry", [telemetry(units=at % 3, power_kw=float(at)) for at in range(8)])
    alone = [said(batch_of([payload]))[FIRST_OFFSET] for payload in good]
    for _ in range(30):
        payloads = list(good)
        at, moved = int(rng.integers(7)), int(rng.integers(1, 12))
        head, body = payloads[at + 1][:5], payloads[at + 1][5:]
        if rng.random() < 0.5:  # the first lacks what the second has too much
            payloads[at : at + 2] = payloads[at][:-moved], head + payloads[at][-moved:] + body
        else:  # the other way round
            payloads[at : at + 2] = payloads[at] + body[:moved], head + body[moved:]
        whole = said(batch_of(payloads))
        for place in range(8):
            apart = said(batch_of([payloads[place]]))[FIRST_OFFSET]
            assert _but_offset(whole[FIRST_OFFSET + place]) == _but_offset(apart)
            assert place in (at, at + 1) or apart == alone[place]


def test_a_number_in_more_bytes_than_it_needs_is_read_as_it_is_alone() -> None:
    """It is longer than its values say, and a neighbour that is as much shorter must not make up for it."""
    plain, other = CODEC.encode("Telemetry", [telemetry(), telemetry(power_kw=7.0)])
    assert plain[5:7] == b"\x02a", "the length of the plant's id, and the id"
    padded = plain[:5] + b"\x82\x00a" + plain[7:]
    for payloads in ([padded, other], [padded, other[:-1]], [other[:-1], padded], [padded[:-1], other]):
        whole = said(batch_of(payloads))
        apart = [said(batch_of([payload]))[FIRST_OFFSET] for payload in payloads]
        assert [_but_offset(one) for one in whole.values()] == [
            _but_offset(apart[offset - FIRST_OFFSET]) for offset in whole
        ]


def _but_offset(outcome: Any) -> Any:
    return outcome if isinstance(outcome, str) else (outcome.reason, outcome.detail, outcome.plant_id)


def version_without(schema: Definition, *names: str) -> Definition:
    """An older version of a schema, from before these fields."""
    return schema | {"fields": [field for field in schema["fields"] if field["name"] not in names]}


def older_versions() -> dict[int, Definition]:
    """Versions of Telemetry that other producers may still write, by id."""
    whole = today("Telemetry")
    plain_units = json.loads(json.dumps(whole))
    items = next(field for field in plain_units["fields"] if field["name"] == "units")["type"]["items"]
    items["fields"] = [field for field in items["fields"] if field["name"] in ("unit_id", "power_kw")]
    extra = json.loads(json.dumps(whole))
    extra["fields"].insert(1, {"name": "colour", "type": ["null", "string"]})
    extra["fields"].insert(0, {"name": "raw", "type": "bytes"})
    floats = json.loads(json.dumps(whole).replace('"double"', '"float"'))
    return {
        1: version_without(whole, "setpoint_kw", "units", "other", "status"),
        2: plain_units,
        3: extra,
        4: floats,
        5: version_without(extra, "raw"),
    }


@pytest.mark.parametrize("schema_id", older_versions())
def test_other_versions_fall_onto_todays_columns(schema_id: int) -> None:
    codec = Codec(SchemaIds(fetch=lambda at: json.dumps(older_versions()[at])))
    record = telemetry(units=2, setpoint_kw=4.0, wind_speed_ms=2.5, colour="red", raw=b"12")
    theirs = header(schema_id) + written_with(older_versions()[schema_id], record)
    ours = CODEC.encode("Telemetry", [telemetry(units=1)])[0]
    batch = batch_of([ours, theirs, ours, theirs, theirs + b"\x00"], codec=codec)
    _, read = codec.decode(theirs)
    rows = batch.telemetry
    assert [bad.reason for bad in batch.bad] == [Reason.TRAILING_BYTES]
    assert rows.power_kw.tolist() == [12.5] * 4
    assert rows.wind_speed_ms[[1, 3]].tolist() == [2.5, 2.5]
    expected_kw = np.nan if read["setpoint_kw"] is None else read["setpoint_kw"]
    np.testing.assert_array_equal(rows.setpoint_kw[[1, 3]], [expected_kw] * 2)
    kw = [reading["power_kw"] for reading in read["units"]]
    assert rows.units.power_kw.tolist() == [100.0, *kw, 100.0, *kw]


def test_arrays_in_several_blocks_are_read_though_nobody_here_writes_them() -> None:
    payload = CODEC.encode("Telemetry", [telemetry(units=2)])[0]
    whole = written_with(today("Telemetry"), telemetry(units=2))
    at = whole.index(b"\x04\x04T0")
    first, second = whole[at + 1 : at + 1 + 14], whole[at + 1 + 14 : at + 1 + 28]
    end = whole[at + 1 + len(first) + len(second) :]
    assert payload[5:] == whole
    sized = b"\x01" + bytes([2 * len(first)]) + first + b"\x02" + second + end
    blocks = whole[:at] + b"\x02" + first + b"\x02" + second + end
    batch = batch_of([payload, payload[:5] + blocks, payload[:5] + whole[:at] + sized])
    outcomes = list(said(batch).values())
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert not batch.bad


def test_a_registry_that_does_not_answer_is_no_fault_of_the_records() -> None:
    def fetch(schema_id: int) -> str | None:
        raise ServiceUnavailable(f"no answer for {schema_id}")

    with pytest.raises(ServiceUnavailable):
        batch_of([header(3) + b"\x00"], codec=Codec(SchemaIds(fetch=fetch)))


@quick
@given(st.lists(st.tuples(st.booleans(), records("Telemetry"), records("Tick")), min_size=1, max_size=12))
def test_the_batch_path_reads_what_the_record_path_reads(cases: list[Any]) -> None:
    names = ["Tick" if is_tick else "Telemetry" for is_tick, _, _ in cases]
    rows = [a_tick if is_tick else row for is_tick, row, a_tick in cases]
    payloads = [CODEC.encode(name, [row])[0] for name, row in zip(names, rows, strict=True)]
    batch = batch_of(payloads, [row["plant_id"].encode() for row in rows])
    assert not batch.bad
    nan = float("nan")
    for name, at in (
        ("power_kw", batch.telemetry.power_kw),
        ("temperature_c", batch.telemetry.temperature_c),
    ):
        wanted = [nan if row.get(name) is None else row[name] for row in rows]
        np.testing.assert_array_equal(at, wanted)
    assert batch.telemetry.event_time_ms.tolist() == [row["event_time"] for row in rows]
    assert batch.telemetry.is_tick.tolist() == [name == "Tick" for name in names]
    wind = [
        nan if u["wind_speed_ms"] is None else u["wind_speed_ms"] for r in rows for u in r.get("units", [])
    ]
    np.testing.assert_array_equal(batch.telemetry.units.wind_speed_ms, wind)


@quick
@given(st.lists(records("WeatherRun"), min_size=1, max_size=6), st.booleans())
def test_runs_in_a_batch_are_the_runs_of_the_records(cases: list[dict[str, Any]], is_older: bool) -> None:
    older = version_without(today("WeatherRun"), "points")
    codec = Codec(SchemaIds({"WeatherRun": 9} if is_older else {}, lambda _: json.dumps(older)))
    for record in cases[::2]:
        for columns in (record["columns"], *(point["columns"] for point in record["points"])):
            for at, column in enumerate(columns):
                column |= {"name": f"c{at}", "values": [1.5 if at else None] * len(record["valid_at"])}
    if is_older:
        payloads = [header(9) + written_with(older, record) for record in cases]
    else:
        payloads = codec.encode("WeatherRun", cases)
    outcome = said(batch_of(payloads, [record["plant_id"].encode() for record in cases], codec))
    for at, payload in enumerate(payloads):
        one = outcome[FIRST_OFFSET + at]
        try:
            wanted = WeatherRun.from_avro(codec.decode(payload)[1])
        except DecodeError as error:
            assert (one.reason, one.detail) == (error.reason, error.detail)
        else:
            assert one == repr(wanted.to_avro())


@settings(quick, max_examples=300)
@given(
    st.sampled_from(["Telemetry", "Tick", "WeatherRun", "PlantVersion", "Release"]).flatmap(
        lambda name: st.lists(st.tuples(st.just(name), records(name)), min_size=1, max_size=6)
    ),
    st.data(),
)
def test_mutated_bytes_never_break_a_batch(
    cases: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    payloads = [bytearray(CODEC.encode(name, [record])[0]) for name, record in cases]
    keys = [record.get("plant_id", "").encode() for _, record in cases]
    hit = payloads[data.draw(st.integers(0, len(payloads) - 1))]
    at = data.draw(st.integers(5, max(5, len(hit) - 1)))
    hit[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=11))
    assert len(said(batch_of([bytes(payload) for payload in payloads], keys))) == len(payloads)


def test_thousands_of_damaged_records_are_all_accounted_for_and_read_as_alone() -> None:
    rng = np.random.default_rng(7)
    reader = BodyReader(SchemaIds())
    good = CODEC.encode("Telemetry", [telemetry(units=at % 3, status="ok") for at in range(30)])
    payloads = [_damaged(good[at % 30], rng) for at in range(3000)]
    batch = batch_of(payloads)
    outcome = said(batch)
    assert 500 < len(batch.bad) < 2900
    for at in range(0, 3000, 7):
        try:
            reader.read(reader.writer(CODEC.ids.id_of("Telemetry")), payloads[at][5:])
        except DecodeError as error:
            assert outcome[FIRST_OFFSET + at].reason is error.reason
        else:
            one = outcome[FIRST_OFFSET + at]
            assert isinstance(one, str) or one.reason is Reason.KEY_MISMATCH


def _damaged(payload: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(payload)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(5, len(out)))
        kind = rng.integers(4)
        if kind == 0 and len(out) > 8:
            del out[at]
        elif kind == 1:
            out.insert(at, int(rng.integers(256)))
        else:
            out[at] = int(rng.integers(256))
    return bytes(out)
