"""`gridcast lag` on a broker: records and seconds behind, of every group."""

import json
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from cli.lag import readers
from cli.main import run
from consumers.lag import Lag, lags
from infra.kafka import Outgoing, admin, await_admin, consumer, produce_all, producer
from infra.settings import Settings
from infra.topics import FORECASTS, JOURNAL, REJECTED
from schemas.codec import Codec
from tests.output_records import QUARTER_MS, forecast, scan

POISON = Outgoing(JOURNAL, b"a", b"junk", partition=1)


def send(settings: Settings, count: int) -> None:
    scans = Codec().encode("Telemetry", [scan("a", i) for i in range(count)])
    made = [Outgoing(JOURNAL, b"a", payload, partition=1) for payload in scans]
    made += [
        Outgoing(FORECASTS, b"a", p, partition=1) for p in Codec().encode("Forecast", [forecast("a", 0)])
    ]
    produce_all(producer(settings), made)


def commit(settings: Settings, group: str, topic: str, partition: int, offset: int) -> None:
    client = consumer(settings, group)
    client.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
    client.close()


def find(told: list[Lag], group: str, topic: str, partition: int) -> Lag:
    return next(one for one in told if (one.group, one.topic, one.partition) == (group, topic, partition))


def test_records_and_seconds_of_known_at_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker, sink = (f"{name}-{settings.home.parent.name}" for name in ("worker", "sink"))
    own = settings.model_copy(update={"worker_group": worker, "sink_group": sink})
    send(settings, 40)
    commit(settings, worker, JOURNAL, 1, 30)
    commit(settings, sink, JOURNAL, 1, 40)
    commit(settings, f"{sink}-other", FORECASTS, 1, 1)

    def told() -> list[Lag]:
        return lags(own, Codec(), readers(own))

    found = told()
    behind = find(found, worker, JOURNAL, 1)
    assert (behind.committed, behind.end, behind.records, behind.lost) == (30, 40, 10, 0)
    assert behind.seconds == 10 * QUARTER_MS / 1000
    assert find(found, sink, JOURNAL, 1).seconds == 0.0
    assert find(found, sink, FORECASTS, 1).records == 1
    assert find(found, sink, FORECASTS, 1).committed == -1
    assert find(found, f"{sink}-other", FORECASTS, 1).records == 0
    assert {one.partition for one in found if (one.group, one.topic) == (sink, REJECTED)} == set(range(4))

    produce_all(producer(settings), [POISON] * 3)
    behind = find(told(), worker, JOURNAL, 1)
    assert (behind.records, behind.seconds) == (13, 10 * QUARTER_MS / 1000)

    client = admin(settings)  # held, because its futures end with it
    for future in client.delete_records([TopicPartition(JOURNAL, 1, 35)]).values():
        await_admin(future, "delete records", 20)
    behind = find(told(), worker, JOURNAL, 1)
    assert (behind.records, behind.lost) == (8, 5)

    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    monkeypatch.setenv("GRIDCAST_WORKER_GROUP", worker)
    monkeypatch.setenv("GRIDCAST_SINK_GROUP", sink)
    assert run(["lag", "--json", "--behind"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["groups"][worker] == {"records": 8, "lost": 5, "seconds": 4 * QUARTER_MS / 1000}
    assert all(one["records"] or one["lost"] for one in document["partitions"])
    assert run(["lag"]) == 0
    assert f"{worker}: 8 records behind, 3600 s, 5 LOST to retention" in capsys.readouterr().out
