"""Records to bytes and back: ours, fastavro's and the registry client's."""

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.errors import DecodeError, EncodeError, Reason, UnknownSchema
from schemas.ids import SchemaIds, record_names, schema_text, today
from schemas.wire import header, split
from tests.unit.schemas_samples import TIMES_MS, records, telemetry, tick

CODEC = Codec()
ANY = st.sampled_from(record_names()).flatmap(lambda name: st.tuples(st.just(name), records(name)))
WITH_BYTES = ("ArtifactChunk", "Checkpoint", "RejectedRecord")
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def reason_of(payload: bytes | None, codec: Codec = CODEC) -> Reason:
    with pytest.raises(DecodeError) as caught:
        codec.decode(payload)
    return caught.value.reason


@pytest.mark.parametrize("name", record_names())
def test_every_record_survives_the_round_trip(name: str) -> None:
    @quick
    @given(records(name))
    def check(record: dict[str, Any]) -> None:
        assert CODEC.decode(CODEC.encode(name, [record])[0]) == (name, record)

    check()


@quick
@given(ANY)
def test_fastavro_reads_our_bytes_and_we_read_its_own(case: tuple[str, dict[str, Any]]) -> None:
    name, record = case
    schema = fastavro.parse_schema(today(name))
    body = BytesIO()
    fastavro.schemaless_writer(body, schema, record)
    schema_id, ours = split(CODEC.encode(name, [record])[0])
    assert ours == body.getvalue()
    assert fastavro.schemaless_reader(BytesIO(ours), schema, None) == record
    assert CODEC.decode(header(schema_id) + body.getvalue()) == (name, record)


@pytest.mark.parametrize("name", sorted(set(record_names()) - set(WITH_BYTES)))
def test_the_arrow_encoder_writes_the_bytes_that_fastavro_writes(name: str) -> None:
    @quick
    @given(st.lists(records(name), min_size=1, max_size=4))
    def check(many: list[dict[str, Any]]) -> None:
        batch = pa.RecordBatch.from_pylist(many)
        if name == "AnomalyEvent":  # pyarrow takes a dict for a struct unless it is told
            evidence = pa.array([list(one["evidence"].items()) for one in many], pa.map_("string", "double"))
            batch = batch.set_column(batch.schema.get_field_index("evidence"), "evidence", evidence)
        assert CODEC.encode_arrow(name, batch) == CODEC.encode(name, many)

    check()


@pytest.mark.parametrize("name", WITH_BYTES)
def test_the_arrow_encoder_refuses_records_that_it_cannot_write(name: str) -> None:
    with pytest.raises(EncodeError, match="bytes"):
        CODEC.encode_arrow(name, pa.RecordBatch.from_pydict({}))


class Registry:
    """A registry client without a server, and the pieces around it."""

    def __init__(self, name: str) -> None:
        self.client = SchemaRegistryClient.new_client({"url": f"mock://{name}"})
        self.context = SerializationContext("topic", MessageField.VALUE)
        self.serialize = AvroSerializer(self.client, schema_text(name))
        self.deserialize = AvroDeserializer(self.client)

    def codec(self, name: str, record: dict[str, Any]) -> tuple[Codec, bytes]:
        """A codec with the registry's ids, and what the client made of a record."""
        payload = self.serialize(record, self.context)
        assert payload is not None
        ids = SchemaIds({name: split(payload)[0]}, lambda at: str(self.client.get_schema(at).schema_str))
        return Codec(ids), payload


def as_ms(value: Any) -> Any:
    """Datetimes, which the registry's client makes of times, as milliseconds."""
    if isinstance(value, datetime):
        return round((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    if isinstance(value, dict):
        return {key: as_ms(each) for key, each in value.items()}
    return [as_ms(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", record_names())
def test_the_registry_client_and_the_codec_read_each_others_bytes(name: str) -> None:
    registry = Registry(name)

    @settings(quick, max_examples=15)
    @given(records(name, longs=TIMES_MS))
    def check(record: dict[str, Any]) -> None:
        codec, theirs = registry.codec(name, record)
        assert split(theirs)[0] < 1000
        assert codec.decode(theirs) == (name, record)
        assert codec.encode(name, [record]) == [theirs]
        assert as_ms(registry.deserialize(theirs, registry.context)) == record

    check()


def test_an_older_version_is_read_in_todays_shape_and_a_newer_one_without_its_news() -> None:
    older, newer = today("Telemetry") | {}, json.loads(schema_text("Telemetry"))
    older["fields"] = [field for field in older["fields"] if field["name"] not in ("units", "status")]
    newer["fields"].insert(0, {"name": "colour", "type": "string"})
    codec = Codec(SchemaIds(fetch=lambda at: json.dumps({1: older, 2: newer}[at])))
    record = telemetry(status="ok", units=2)
    for schema_id, schema in ((1, older), (2, newer)):
        body = BytesIO()
        fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record | {"colour": "red"})
        _, read = codec.decode(header(schema_id) + body.getvalue())
        assert read.keys() == CODEC.decode(CODEC.encode("Telemetry", [record])[0])[1].keys()
        assert (read["units"], read["status"]) == (([], None) if schema_id == 1 else (record["units"], "ok"))


def test_a_version_that_cannot_be_said_in_todays_words_is_an_unknown_schema() -> None:
    schema = {"type": "record", "name": "gridcast.Tick", "fields": [{"name": "plant_id", "type": "string"}]}
    codec = Codec(SchemaIds(fetch=lambda _: json.dumps(schema)))
    assert reason_of(header(5) + b"\x02a", codec) is Reason.UNKNOWN_SCHEMA


def test_each_kind_of_bad_payload_has_its_reason() -> None:
    good = CODEC.encode("Tick", [tick()])[0]
    assert reason_of(None) is Reason.NOT_AVRO
    assert reason_of(b"") is Reason.TRUNCATED
    assert reason_of(good[:3]) is Reason.TRUNCATED
    assert reason_of(good[:-1]) is Reason.TRUNCATED
    assert reason_of(good + b"\x00") is Reason.TRAILING_BYTES
    assert reason_of(b'{"plant_id": "a"}') is Reason.NOT_AVRO
    assert reason_of(header(123) + good[5:]) is Reason.UNKNOWN_SCHEMA
    assert reason_of(good[:5] + b"\x04\xff\xff" + good[7:]) is Reason.NOT_AVRO


def test_a_bad_payload_among_good_ones_is_returned_in_its_place() -> None:
    payloads = CODEC.encode("Tick", [tick("a"), tick("b")])
    first, bad, last = CODEC.decode_many([payloads[0], b"\x00", payloads[1]])
    assert isinstance(bad, DecodeError)
    assert [first, last] == [("Tick", tick("a")), ("Tick", tick("b"))]


@pytest.mark.parametrize(
    "record",
    [tick() | {"plant_id": None}, tick() | {"event_time": "now"}, tick() | {"more": 1}, {"plant_id": "a"}],
)
def test_a_record_that_does_not_fit_is_refused_by_both_encoders(record: dict[str, Any]) -> None:
    with pytest.raises(EncodeError):
        CODEC.encode("Tick", [record])
    with pytest.raises(EncodeError):
        CODEC.encode_arrow("Tick", pa.RecordBatch.from_pylist([record]))


def test_the_arrow_encoder_fills_in_defaults_and_finds_nulls_at_any_depth() -> None:
    short = pa.RecordBatch.from_pylist([{"plant_id": "a", "event_time": 1, "known_at": 2}])
    assert CODEC.decode(CODEC.encode_arrow("Telemetry", short)[0])[1]["units"] == []
    for hole in ([{"unit_id": None, "power_kw": 1.0, "wind_speed_ms": 1.0, "status": ""}], [None], None):
        units = {"unit_id": "T1", "power_kw": 1.0, "wind_speed_ms": 1.0, "status": ""}
        rows = [telemetry(units=1), telemetry() | {"units": hole}, telemetry() | {"units": [units]}]
        with pytest.raises(EncodeError):
            CODEC.encode_arrow("Telemetry", pa.RecordBatch.from_pylist(rows))


def test_a_name_that_is_no_record_is_refused() -> None:
    with pytest.raises(UnknownSchema):
        CODEC.encode("Nothing", [{}])
    with pytest.raises(UnknownSchema):
        CODEC.encode_arrow("Nothing", pa.RecordBatch.from_pydict({"a": np.arange(2)}))


@settings(quick, max_examples=300)
@given(ANY, st.data())
def test_mutated_bytes_are_read_or_refused_and_never_break_the_codec(
    case: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    payload = bytearray(CODEC.encode(case[0], [case[1]])[0])
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=11))
    (read,) = CODEC.decode_many([bytes(payload)])
    assert isinstance(read, DecodeError | tuple)
