"""A drill: everything is lost, a backup comes back, and all goes on as if nothing had happened."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.backup.folder import read_folder
from cli.backup.run import back_up, restore
from cli.backup.topics import config_of
from infra import metrics
from infra.settings import Settings
from infra.topic_reader import spans
from infra.topics import (
    ALERTS_DEAD,
    ANOMALIES,
    FORECASTS,
    FORECASTS_LATEST,
    JOURNAL,
    PLANTS,
    SCORES,
    TOPICS,
    Topic,
    make_topics,
)  # fmt: skip
from schemas.errors import InputError
from tests.integration.conftest import empty_topics, own_database
from tests.integration.crashes import journaled
from tests.integration.sink_help import ask, send_bytes, sink_all
from tests.integration.workers import (
    CODEC,
    RunningWorker,
    await_true,
    caught_up,
    committed,
    contents,
    differences,
    hours_of_telemetry,
    identities,
    plant_versions,
    replayed,
    running,
    send,
)

OF_OTHERS = "schemas-of-a-registry"
QUICK = {"checkpoint_every_s": 0.5}


def quiet(_text: str) -> None:
    """Progress that nobody looks at."""


def refuse(text: str) -> None:
    """Nothing may be done yet."""
    raise AssertionError(text)


@contextmanager
def working(settings: Settings) -> Iterator[RunningWorker]:
    """A worker while the block runs; at its end its states are written."""
    with running(settings, **QUICK) as worker:
        worker.wait_ready()
        yield worker
        assert worker.stop() == 0


def ends(settings: Settings, *topics: str) -> dict[str, dict[int, int]]:
    return {topic: {p: span.end for p, span in spans(settings, topic).items()} for topic in topics}


def digest(settings: Settings) -> dict[str, str]:
    """A hash of the rows of every table, whatever their order."""
    tables = ask(
        settings,
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition and relname not like all (array['\\_yoyo%%', 'yoyo%%', 'queue%%'])"
        " order by 1",
    )
    made = {}
    for (table,) in tables:
        rows = sorted(row for (row,) in ask(settings, f'select t::text from "{table}" t'))
        made[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest() if rows else ""
    return made


@contextmanager
def lost(settings: Settings) -> Iterator[Settings]:
    """Everything is gone: topics without a record, groups that know nothing of them, an empty database."""
    empty_topics(settings)
    with own_database(settings) as found:
        yield found


def conflicts() -> float:
    samples = next(iter(metrics.SINK_CONFLICTS.collect())).samples
    return sum(one.value for one in samples if one.name.endswith("_total"))


@pytest.mark.slow
def test_after_a_loss_of_everything_all_goes_on_as_if_nothing_had_happened(
    settings: Settings, tmp_path: Path
) -> None:
    send(settings, [*journaled(), *plant_versions(), *hours_of_telemetry(0, 14)])
    with working(settings) as worker:
        await_true(lambda: caught_up(settings), 120, worker)
        sink_all(settings)
        # The worker goes further than the sink, and the journal further than the worker.
        send(settings, hours_of_telemetry(14, 16))
        await_true(lambda: caught_up(settings), 120, worker)
    stood = committed(settings)
    send(settings, hours_of_telemetry(16, 18))

    before, log = digest(settings), ends(settings, JOURNAL, FORECASTS, SCORES, ANOMALIES)
    meant = [record for done in replayed(settings) for record in done.records]
    told = back_up(settings, tmp_path / "backup", whole=False, also=(), say=quiet)
    assert told["rows"] > 0
    assert read_folder(tmp_path / "backup")["topics"][JOURNAL]["partitions"]["0"]["first"] > 0  # a part of it

    with lost(settings) as found:
        done = restore(found, tmp_path / "backup", postgres=True, kafka=True, say=quiet)
        assert (done["rows"], done["records"]) == (told["rows"], told["records"])
        assert digest(found) == before
        assert ends(found, *log) == log and committed(found) == stood

        alarms = conflicts()
        with working(found) as worker:
            await_true(lambda: caught_up(found), 120, worker)
        sink_all(found)
        assert conflicts() == alarms
        for topic in (FORECASTS, SCORES, ANOMALIES):
            wanted = identities([CODEC.decode(one.value) for one in meant if one.topic == topic])
            now = identities(contents(found, topic))
            # What stood below the backup is in PostgreSQL alone.
            assert differences(now, {key: wanted[key] for key in wanted.keys() & now.keys()}) == []
            assert now or topic != FORECASTS
        wanted = identities([CODEC.decode(one.value) for one in meant if one.topic == FORECASTS])
        rows = ask(found, "select plant_id, issued_at, model, version, power_kw from forecasts")
        stored = {(plant, round(at.timestamp() * 1000), m, v): power for plant, at, m, v, power in rows}
        assert stored.keys() == wanted.keys()
        assert [key for key, one in wanted.items() if one["power_kw"] != stored[key]] == []
        assert ask(found, "select count(*) from telemetry") == [(12 * 18 * 6,)]
        assert {key for key, *_ in identities(contents(found, FORECASTS_LATEST))} == {
            key for key, *_ in wanted
        }
        assert len(contents(found, PLANTS)) == len(plant_versions())


def test_a_lost_database_comes_back_beside_topics_that_have_gone_on(
    settings: Settings, tmp_path: Path
) -> None:
    send(settings, [*journaled(), *plant_versions(), *hours_of_telemetry(0, 4)])
    sink_all(settings)
    back_up(settings, tmp_path / "backup", whole=False, also=(), say=quiet)
    send(settings, hours_of_telemetry(4, 6))
    sink_all(settings)
    before = {name: rows for name, rows in digest(settings).items() if name != "sink_offsets"}
    with own_database(settings) as found:
        restore(found, tmp_path / "backup", postgres=True, kafka=False, say=quiet)
        sink_all(found)
        assert {name: rows for name, rows in digest(found).items() if name != "sink_offsets"} == before


def test_lost_topics_come_back_as_far_as_the_database_has_come(settings: Settings, tmp_path: Path) -> None:
    send(settings, [*journaled(), *plant_versions(), *hours_of_telemetry(0, 4)])
    sink_all(settings)
    send_bytes(settings, ALERTS_DEAD, b"one", b"two")
    make_topics(settings, (Topic(OF_OTHERS, "", (), compacted=True, partitions=1),))
    send_bytes(settings, OF_OTHERS, b"schema")
    with pytest.raises(InputError, match="no topic of-nobody"):
        back_up(settings, tmp_path / "none", whole=True, also=("of-nobody",), say=refuse)
    told = config_of(settings, OF_OTHERS)
    back_up(settings, tmp_path / "backup", whole=True, also=(OF_OTHERS,), say=quiet)
    send(settings, hours_of_telemetry(4, 6))
    sink_all(settings)
    before, reached = digest(settings), ends(settings, JOURNAL)
    empty_topics(settings)

    restore(settings, tmp_path / "backup", postgres=False, kafka=True, say=quiet)
    assert ends(settings, JOURNAL) == reached  # no offset will mean two records
    assert config_of(settings, OF_OTHERS) == told and told["cleanup.policy"] == "compact"
    assert ends(settings, OF_OTHERS) == {OF_OTHERS: {0: 1}}
    send(settings, hours_of_telemetry(4, 6))  # from its source once more
    sink_all(settings)
    after = digest(settings)
    assert {name for name in before if before[name] != after[name]} == {"sink_offsets"}
    with pytest.raises(InputError, match="holds records or has held some"):
        restore(settings, tmp_path / "backup", postgres=False, kafka=True, say=quiet)
    with pytest.raises(InputError, match=r"the table .* holds rows"):
        restore(settings, tmp_path / "backup", postgres=True, kafka=False, say=quiet)
    refuse_what_is_no_whole_backup(settings, tmp_path / "backup")


def refuse_what_is_no_whole_backup(settings: Settings, folder: Path) -> None:
    """A file that is not as it was, one that is missing, a newer gridcast, no end."""
    with pytest.raises(InputError, match="is not empty"):
        back_up(settings, folder, whole=False, also=(), say=quiet)
    manifest = folder / "backup.json"
    kept: dict[str, Any] = json.loads(manifest.read_text())
    assert set(kept["topics"]) == {topic.name for topic in TOPICS} | {OF_OTHERS}
    assert gzip.decompress((folder / "tables/telemetry.copy.gz").read_bytes()).count(b"\n") == 12 * 4 * 6

    newer = {**kept, "database": {**kept["database"], "migrations": ["9999.of-tomorrow"]}}
    manifest.write_text(json.dumps(newer))
    with pytest.raises(InputError, match=r"9999\.of-tomorrow"):
        restore(settings, folder, postgres=True, kafka=True, say=quiet)
    manifest.write_text(json.dumps(kept))
    with (folder / "tables/telemetry.copy.gz").open("r+b") as file:
        file.seek(20)
        file.write(b"\x00")
    with pytest.raises(InputError, match="SHA-256"):
        read_folder(folder)
    (folder / "tables/telemetry.copy.gz").unlink()
    with pytest.raises(InputError, match="is missing"):
        read_folder(folder)
    manifest.unlink()
    with pytest.raises(InputError, match="no whole backup"):
        read_folder(folder)
