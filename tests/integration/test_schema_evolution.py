"""A schema that changes while everything runs: a field is added, then removed, workers and sinks in turn.

Each version of the schema is a checkout of its own with its own packaged ids, as a deployment would have it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topic_reader import read
from infra.topics import FORECASTS, JOURNAL, PLANTS, REJECTED
from models.engine import Engine
from models.steps import EngineSettings
from schemas.ids import FIRST_PACKAGED_ID, bare, fingerprint, packaged, schema_text
from schemas.wire import HEADER_BYTES, header, schema_id_of
from streams.records import of_messages, pick
from streams.turns import process
from tests.integration.sink_help import ask, wait_until, written
from tests.integration.workers import (
    CODEC,
    PLANT_IDS,
    ROOT,
    RunningWorker,
    _no_release,
    await_true,
    caught_up,
    contents,
    differences,
    hours_of_telemetry,
    identities,
    plant_versions,
    running,
    send,
)

ADDED = {"name": "soiling_share", "type": ["null", "double"], "default": None, "doc": "Dirt.", "unit": "1"}
FIRST = schema_text("Telemetry")
SECOND = json.dumps({**json.loads(FIRST), "fields": [*json.loads(FIRST)["fields"], ADDED]})
#: The third version is the first one again, under an id of its own: ids only grow.
IDS = {1: json.loads((ROOT / "schemas/ids.json").read_text())[0]["id"]}
IDS |= {2: FIRST_PACKAGED_ID + len(packaged()), 3: FIRST_PACKAGED_ID + len(packaged()) + 1}


def checkout(folder: Path, version: int) -> Path:
    """A checkout whose newest `Telemetry` is this version."""
    folder.mkdir()
    for name in ("models", "infra", "streams", "producers", "consumers", "cli"):
        (folder / name).symlink_to(ROOT / name)
    schemas = shutil.copytree(ROOT / "schemas", folder / "schemas")
    rows = json.loads((schemas / "ids.json").read_text())
    texts = [FIRST, SECOND, FIRST][:version]
    for number, text in enumerate(texts, 1):
        here = "telemetry.avsc" if number == version else f"history/telemetry.{number}.avsc"
        (schemas / here).write_text(text)
        if number > 1:
            row = {"id": IDS[number], "name": "Telemetry", "version": number, "sha256": fingerprint(text)}
            rows.append(row)
    (schemas / "ids.json").write_text(json.dumps(rows))
    return folder


def as_version(version: int, records: list[Outgoing]) -> list[Outgoing]:
    """Telemetry as a producer of a version writes it; the second one with a value in the new field."""
    schema = fastavro.parse_schema(bare(json.loads(SECOND if version == 2 else FIRST)))
    made = []
    for one in records:
        _, record = CODEC.decode(one.value)
        body = BytesIO()
        fastavro.schemaless_writer(body, schema, record | ({"soiling_share": 0.25} if version == 2 else {}))
        made.append(Outgoing(one.topic, one.key, header(IDS[version]) + body.getvalue()))
    return made


def as_first(payload: bytes) -> bytes:
    """A record of any version as the first one would have been written."""
    schema_id = schema_id_of(payload[:HEADER_BYTES])
    if schema_id not in (IDS[2], IDS[3]):
        return payload
    written = fastavro.parse_schema(bare(json.loads(SECOND if schema_id == IDS[2] else FIRST)))
    record: Any = fastavro.schemaless_reader(BytesIO(payload[HEADER_BYTES:]), written, None)
    return CODEC.encode(
        "Telemetry", [{key: value for key, value in record.items() if key != "soiling_share"}]
    )[0]


def meant(settings: Settings, but: bytes) -> dict[Any, dict[str, Any]]:
    """The forecasts of the journal as if the first version had written all of it; one record is left out."""
    made = []
    engines: dict[int, Engine] = {}
    for messages in read(settings, JOURNAL, batch=700):
        for number in sorted({int(message.partition() or 0) for message in messages}):
            records = of_messages(JOURNAL, number, [m for m in messages if m.partition() == number])
            kept = [row for row, payload in enumerate(records.payloads) if payload != but]
            records = pick(records, np.array(kept))
            records = replace(records, payloads=[as_first(payload or b"") for payload in records.payloads])
            engine = engines.setdefault(number, Engine(EngineSettings(levels=settings.levels), _no_release))
            made += process(CODEC, [(engine, records)]).records
    return identities([CODEC.decode(one.value) for one in made if one.topic == FORECASTS])


@contextmanager
def both(settings: Settings, root: Path) -> Iterator[tuple[RunningWorker, RunningWorker]]:
    """A worker and a sink of a checkout."""
    postgres = settings.postgres.get_secret_value()
    with ExitStack() as stack:
        worker = stack.enter_context(running(settings, root=root, checkpoint_every_s=1.0))
        sink = stack.enter_context(running(settings, command="sink", root=root, postgres=postgres))
        worker.wait_ready()
        yield worker, sink


@pytest.mark.slow
def test_a_field_is_added_and_removed_while_workers_and_sinks_are_replaced_one_by_one(
    settings: Settings, tmp_path: Path
) -> None:
    second, third = (checkout(tmp_path / f"v{version}", version) for version in (2, 3))
    hours = {first: hours_of_telemetry(first, first + 1) for first in range(8)}
    early = as_version(2, hours[7][:1])
    with ExitStack() as lives:

        def replaced_by(root: Path) -> tuple[RunningWorker, RunningWorker]:
            return lives.enter_context(both(settings, root))

        def retire(pair: tuple[RunningWorker, RunningWorker]) -> None:
            assert [one.stop() for one in pair] == [0, 0]

        old = replaced_by(ROOT)
        send(settings, plant_versions())
        await_true(lambda: caught_up(settings, PLANTS), worker=old[0])
        await_true(lambda: caught_up(settings), worker=old[0])
        send(settings, [*early, *hours[0]])
        await_true(lambda: caught_up(settings), worker=old[0])
        new = replaced_by(second)  # old and new share the partitions for a while
        send(settings, hours[1])
        retire(old)
        send(settings, [*hours[2], *as_version(2, hours[3])])
        await_true(lambda: caught_up(settings), worker=new[0])
        newest = replaced_by(third)
        send(settings, as_version(2, hours[4]))
        retire(new)
        send(settings, [*as_version(2, hours[5]), *as_version(3, hours[6]), *hours[7]])
        await_true(lambda: caught_up(settings), worker=newest[0])
        wait_until(lambda: written(settings), "everything written")
        retire(newest)
    refused = [record for _, record in contents(settings, REJECTED)]
    assert [(one["reason"], one["payload"], one["schema_id"]) for one in refused] == [
        ("unknown_schema", early[0].value, IDS[2])
    ], "the one that came before anybody could read it, and no other"
    found = identities(contents(settings, FORECASTS))
    assert differences(found, meant(settings, early[0].value or b""))[:10] == []
    assert len(found) == 8 * len(PLANT_IDS)
    assert ask(settings, "select count(*) from telemetry") == [(8 * 6 * len(PLANT_IDS),)]
    assert ask(settings, "select count(*) from forecasts") == [(len(found),)]
    assert ask(settings, "select count(*) from rejects") == [(1,)]
