"""A real schema registry: its ids on the wire, schemas that evolve, and a registry that is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pytest

from cli.main import run
from infra.registry import schema_ids
from infra.settings import Settings
from infra.topics import FORECASTS, JOURNAL
from schemas.codec import Codec
from schemas.errors import Reason, ServiceUnavailable
from schemas.ids import FIRST_PACKAGED_ID, schema_text
from schemas.journal import JournalBatch
from schemas.wire import header, schema_id_of
from tests import output_records as made
from tests.integration.apicurio import Apicurio
from tests.integration.workers import await_true, running

pytestmark = [pytest.mark.registry, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def apicurio(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    registry = Apicurio(servers, tmp_path_factory.mktemp("registry"))
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture
def known(apicurio: Apicurio, servers: Settings) -> Settings:
    return servers.model_copy(update={"schema_registry": apicurio.url})


def decoded(codec: Codec, *payloads: bytes) -> JournalBatch:
    offsets = np.arange(len(payloads))
    return codec.decode_journal(JOURNAL, 0, offsets, [b"a"] * len(payloads), list(payloads))


def written_with(schema_id: int, schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return header(schema_id) + out.getvalue()


def registered(known: Settings, schema: dict[str, Any]) -> int:
    """As another producer would do it."""
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

    client = SchemaRegistryClient({"url": known.schema_registry, "timeout": 90})
    subject = f"{schema['namespace']}.{schema['name']}"
    return int(client.register_schema(subject, Schema(json.dumps(schema), "AVRO")))


def test_schemas_are_registered_once_and_records_carry_the_registrys_ids(known: Settings) -> None:
    ids, again = schema_ids(known), schema_ids(known)
    codec = Codec(ids)
    payload = codec.encode("Telemetry", [made.scan()])[0]
    assert 0 < schema_id_of(payload) < FIRST_PACKAGED_ID
    assert again.id_of("Telemetry") == ids.id_of("Telemetry")
    assert decoded(Codec(again), payload).telemetry.power_kw.tolist() == [100.0]
    packaged = Codec().encode("Telemetry", [made.scan()])[0]
    assert len(decoded(codec, payload, packaged).telemetry) == 2, "ids of before the registry mean the same"


def test_a_field_that_is_added_and_then_removed_by_a_producer_is_read_by_a_codec_that_runs(
    known: Settings,
) -> None:
    codec = Codec(schema_ids(known))
    before = codec.encode("Telemetry", [made.scan(temperature_c=5.0)])[0]
    assert len(decoded(codec, before).telemetry) == 1
    schema = json.loads(schema_text("Telemetry"))
    more = {"name": "humidity_pct", "type": ["null", "double"], "default": None}
    added = schema | {"fields": [*schema["fields"], more]}
    record = codec.decode(before)[1]
    longer = written_with(registered(known, added), added, record | {"humidity_pct": 81.0})
    fewer = schema | {"fields": [field for field in schema["fields"] if field["name"] != "temperature_c"]}
    shorter = written_with(registered(known, fewer), fewer, record)
    batch = decoded(codec, before, longer, shorter, before)
    assert not batch.bad
    assert batch.telemetry.power_kw.tolist() == [100.0] * 4
    assert np.isnan(batch.telemetry.temperature_c).tolist() == [False, False, True, False]


def test_an_id_that_the_registry_does_not_know_is_a_reject(known: Settings) -> None:
    (bad,) = decoded(Codec(schema_ids(known)), header(1_999_999) + b"body").bad
    assert bad.reason is Reason.UNKNOWN_SCHEMA


def test_a_worker_writes_what_a_reader_of_the_registry_understands(
    apicurio: Apicurio, settings: Settings
) -> None:
    from infra.kafka import Outgoing
    from tests.integration import workers

    known = settings.model_copy(update={"schema_registry": apicurio.url})
    codec = Codec(schema_ids(known))
    records = [("PlantVersion", made.plant()), *(("Telemetry", made.scan(step=n)) for n in range(8))]
    workers.send(known, [Outgoing(JOURNAL, b"a", codec.encode(name, [r])[0]) for name, r in records])
    with running(known, schema_registry=apicurio.url) as worker:
        await_true(lambda: forecasts(settings, codec) >= 7, 120, worker)
        assert worker.stop() == 0, worker.said()


def forecasts(settings: Settings, codec: Codec) -> int:
    from infra.topic_reader import read

    payloads = [message.value() for batch in read(settings, FORECASTS) for message in batch]
    assert all(schema_id_of(payload) < FIRST_PACKAGED_ID for payload in payloads)
    return sum(codec.decode(payload)[0] == "Forecast" for payload in payloads)


def test_a_registry_that_goes_away_costs_nothing_that_is_known_and_no_record(
    apicurio: Apicurio,
    known: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    codec = Codec(schema_ids(known))
    payload = codec.encode("Telemetry", [made.scan()])[0]
    schema = json.loads(schema_text("Tick"))
    schema["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    record = {"plant_id": "a", "event_time": 1_400_000_400_000, "known_at": 1_400_000_460_000, "note": "x"}
    news = written_with(registered(known, schema), schema, record)
    assert len(decoded(codec, payload).telemetry) == 1
    apicurio.stop()
    assert len(decoded(codec, payload).telemetry) == 1, "what is known is read without it"
    with pytest.raises(ServiceUnavailable, match="schema registry does not answer"):
        decoded(codec, payload, news)
    for name in ("KAFKA", "SCHEMA_REGISTRY"):
        monkeypatch.setenv(f"GRIDCAST_{name}", getattr(known, name.lower()))
    assert run(["forecast", "a"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the schema registry does not answer")
    apicurio.start()
    assert len(decoded(codec, payload, news).telemetry) == 2, "and nothing was lost"
    assert schema_ids(known).id_of("Telemetry") == schema_id_of(payload), "ids outlive the registry"
