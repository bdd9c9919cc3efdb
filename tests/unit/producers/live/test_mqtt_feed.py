"""Messages to Kafka: acknowledged behind Kafka, in order, on their own connection; rejected ones are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from infra.kafka import Outgoing
from infra.topics import JOURNAL, REJECTED
from producers.live.links import MqttLink
from producers.live.mapping import MqttMapping
from producers.live.mqtt import Broker, Taken
from producers.live.mqtt_feed import MqttFeed
from producers.live.outbox import Outbox
from producers.live.progress import Progress
from schemas.codec import Codec
from schemas.errors import GridcastError, ServiceUnavailable

CODEC = Codec()
MAPPING = MqttMapping.model_validate(
    {
        "mqtt": {"endpoint": "mqtt://127.0.0.1:1", "client_id": "c"},
        "plants": [{"plant_id": "a", "topic": "t/a", "time": "at", "time_format": "unix_ms", "power": "p"}],
    }
)


def message(number: int, payload: bytes | None = None, topic: str = "t/a") -> Taken:
    body = json.dumps({"at": number * 1000, "p": number}).encode() if payload is None else payload
    return Taken(topic, body, known_at_ms=99, number=number, qos=1, connection=0)


class FakeBroker:
    def __init__(self, taken: list[Taken]) -> None:
        self.waiting = taken
        self.acknowledged: list[int] = []

    def take(self, at_most: int, timeout_s: float) -> list[Taken]:  # noqa: ARG002 - as asked for
        found, self.waiting = self.waiting[:at_most], self.waiting[at_most:]
        return found

    def acknowledge(self, taken: Sequence[Taken]) -> None:
        self.acknowledged += [one.number for one in taken]


class FakeKafka:
    """Takes records, but fails the first `failures` times, with the first record of each batch taken."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.records: list[Outgoing] = []

    def __call__(self, records: Sequence[Outgoing]) -> int:
        if self.failures:
            self.failures -= 1
            self.records += records[:1]
            raise ServiceUnavailable("Kafka is away")
        self.records += records
        return len(records)


def carried(taken: list[Taken], kafka: FakeKafka, stopped: bool = False) -> tuple[FakeBroker, Progress]:
    broker, progress = FakeBroker(taken), Progress("mqtt", ["a"])
    feed = MqttFeed(MAPPING, CODEC, Outbox(kafka, progress, lambda: stopped), progress)
    feed.carry(broker, broker.take(500, 0))
    return broker, progress


def test_messages_are_acknowledged_in_their_order_once_kafka_has_them_all() -> None:
    kafka = FakeKafka()
    broker, progress = carried([message(n) for n in (1, 2, 3)], kafka)
    assert broker.acknowledged == [1, 2, 3]
    assert {(record.topic, record.key) for record in kafka.records} == {(JOURNAL, b"a")}
    assert [CODEC.decode(record.value)[1]["power_kw"] for record in kafka.records] == [1.0, 2.0, 3.0]
    assert progress.counts["scan"] == 3


def test_while_kafka_fails_nothing_is_acknowledged_and_then_the_whole_batch_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("producers.live.outbox._FIRST_PAUSE_S", 0.01)
    kafka = FakeKafka(failures=3)
    broker, progress = carried([message(1), message(2)], kafka)
    powers = [CODEC.decode(record.value)[1]["power_kw"] for record in kafka.records]
    assert powers == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert broker.acknowledged == [1, 2]
    assert progress.health().good


def test_a_stop_while_kafka_is_away_leaves_all_with_the_broker() -> None:
    broker, progress = carried([message(1)], FakeKafka(failures=99), stopped=True)
    assert broker.acknowledged == []
    assert progress.health().detail["kafka"]["why"] == "Kafka is away"


def test_what_cannot_be_read_is_rejected_with_its_bytes_and_the_same_identity_each_time() -> None:
    kafka = FakeKafka()
    broker, progress = carried([message(1, b"\0?"), message(2), message(3, b"\0?"), message(4, b"{}")], kafka)
    rejected = [CODEC.decode(r.value)[1] for r in kafka.records if r.topic == REJECTED]
    assert [(r["payload"], r["reason"], r["plant_id"]) for r in rejected] == [
        (b"\0?", "unreadable", "a"),
        (b"\0?", "unreadable", "a"),
        (b"{}", "no_time", "a"),
    ]
    assert rejected[0] == rejected[1]
    assert len({(r["topic"], r["partition"], r["offset"]) for r in rejected}) == 2
    assert broker.acknowledged == [1, 2, 3, 4]
    assert (progress.counts["rejected"], progress.counts["scan"]) == (3, 1)


def test_a_message_too_long_for_kafka_is_kept_as_far_as_it_goes() -> None:
    kafka = FakeKafka()
    carried([message(1, b"x" * 2_000_000)], kafka)
    (record,) = [CODEC.decode(r.value)[1] for r in kafka.records]
    assert len(record["payload"]) == 900_000
    assert "the first 900000 of its 2000000 bytes are kept" in record["detail"]


def test_a_message_of_no_plant_is_counted_and_acknowledged() -> None:
    kafka = FakeKafka()
    broker, progress = carried([message(1, topic="t/old")], kafka)
    assert (broker.acknowledged, kafka.records, progress.counts["unmapped"]) == ([1], [], 1)


def test_a_connection_whose_thread_has_ended_is_no_silence() -> None:
    link = MqttLink.model_validate({"endpoint": "mqtt://127.0.0.1:1", "client_id": "c"})
    broker = Broker(link, None, ["t/a"], Progress("mqtt", []))
    assert broker.take(1, 0) == []
    broker._network = Thread()
    with pytest.raises(GridcastError, match="the connection's thread has ended"):
        broker.take(1, 0)


class Acks:
    def __init__(self) -> None:
        self.given: list[int] = []

    def ack(self, number: int, _qos: int) -> None:
        self.given.append(number)


def test_a_message_of_an_earlier_connection_is_not_acknowledged_on_a_later_one() -> None:
    link = MqttLink.model_validate({"endpoint": "mqtt://127.0.0.1:1", "client_id": "c"})
    broker: Any = Broker(link, link.password(SecretStr("")), ["t/a"], Progress("mqtt", []))
    broker._client, broker._closing = acks, closing = Acks(), broker._closing
    old = message(7)
    closing.set()
    broker._on_disconnect(None, None, None, None, None)
    broker.acknowledge([old, Taken("t/a", b"", 0, 8, qos=1, connection=1), Taken("t/a", b"", 0, 9, 0, 1)])
    assert acks.given == [8]
