"""What the Kafka clients promise, tried on a broker."""

import os

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import ConfigResource, ResourceType

from infra.kafka import Outgoing, admin, await_admin, produce_all, producer
from infra.settings import Settings
from infra.topic_reader import offsets_at, read, read_newest, spans
from infra.topics import JOURNAL, PLANTS, TOPICS, Topic, make_topics, replay_topics
from schemas.errors import GridcastError, InputError, LogTruncated, ServiceUnavailable


def test_every_topic_stamps_the_time_of_the_log_and_is_kept_as_declared(settings: Settings) -> None:
    client = admin(settings)
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in TOPICS]
    futures = client.describe_configs(resources)
    found = {one.name: await_admin(future, "describe", 20) for one, future in futures.items()}
    for topic in TOPICS:
        config = {name: entry.value for name, entry in found[topic.name].items()}
        assert config["message.timestamp.type"] == "LogAppendTime"
        assert config["cleanup.policy"] == ("compact" if topic.compacted else "delete")
    counts = {name: len(one.partitions) for name, one in client.list_topics(timeout=20).topics.items()}
    assert counts[JOURNAL] == counts[PLANTS] == settings.partitions


def test_topics_are_made_once(settings: Settings) -> None:
    assert make_topics(settings) == []
    assert make_topics(settings, replay_topics("again")) == ["plant.anomalies.again", "power.forecasts.again"]
    assert make_topics(settings, replay_topics("again")) == []


def test_a_topic_with_another_number_of_partitions_than_the_journal_is_refused(settings: Settings) -> None:
    make_topics(settings, (Topic("odd", "plant_id", (), partitions=3),))
    with pytest.raises(InputError, match="odd has 3 partitions"):
        make_topics(settings, (*TOPICS, Topic("odd", "plant_id", ())))


def test_everything_produced_is_read_back_in_order_from_the_keys_partition(settings: Settings) -> None:
    sent = [Outgoing(JOURNAL, f"plant-{i % 3}".encode(), str(i).encode()) for i in range(900)]
    assert produce_all(producer(settings), sent) == 900
    got: dict[bytes, list[int]] = {}
    for messages in read(settings, JOURNAL, batch=100):
        for message in messages:
            got.setdefault(message.key(), []).append(int(message.value()))
    assert {key: len(values) for key, values in got.items()} == {f"plant-{i}".encode(): 300 for i in range(3)}
    assert all(values == sorted(values) for values in got.values())


def test_all_readers_see_what_workers_see_of_a_transaction_that_was_broken_off(settings: Settings) -> None:
    """Faust's consumer delivers its records: a restore, a replay and a sink without them would differ."""
    foreign = producer(settings, transactional_id="foreign")
    foreign.init_transactions(30)
    foreign.begin_transaction()
    foreign.produce(JOURNAL, key=b"a", value=b"broken off")
    assert foreign.flush(30) == 0
    foreign.abort_transaction(30)
    assert [m.value() for messages in read(settings, JOURNAL) for m in messages] == [b"broken off"]


def test_keys_fall_where_javas_clients_put_them(settings: Settings) -> None:
    # murmur2 of Kafka's own Java client: Utils.toPositive(Utils.murmur2(key)) % 4
    expected = {b"21": 973932308 % 4, b"foobar": (-790332482 & 0x7FFFFFFF) % 4}
    produce_all(producer(settings), [Outgoing(JOURNAL, key, b"x") for key in expected])
    got = {m.key(): m.partition() for messages in read(settings, JOURNAL) for m in messages}
    assert got == expected


def test_headers_a_chosen_partition_and_tombstones_arrive(settings: Settings) -> None:
    records = [
        Outgoing(PLANTS, b"a", b"1", (("id", b"x"),), partition=2),
        Outgoing(PLANTS, b"b", b"2", partition=2),
        Outgoing(PLANTS, b"a", None, partition=2),
        Outgoing(PLANTS, b"b", b"3", partition=2),
    ]
    produce_all(producer(settings), records)
    assert next(m.headers() for batch in read(settings, PLANTS) for m in batch) == [("id", b"x")]
    newest = read_newest(settings, PLANTS)
    assert {key: message.value() for key, message in newest.items()} == {b"b": b"3"}


def test_a_record_that_kafka_refuses_for_good_is_an_error_that_is_not_tried_again(settings: Settings) -> None:
    with pytest.raises(GridcastError, match="did not take") as refused:
        produce_all(producer(settings), [Outgoing(JOURNAL, b"k", os.urandom(2_000_000))])
    assert not refused.value.retriable


def test_an_absent_kafka_is_an_outage_that_may_be_tried_again(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"kafka": "127.0.0.1:1"})
    client = producer(nowhere, message_timeout_ms=500)
    with pytest.raises(ServiceUnavailable):
        produce_all(client, [Outgoing(JOURNAL, b"k", b"x")], timeout_s=5)
    with pytest.raises(ServiceUnavailable):
        next(read(nowhere, JOURNAL))


def test_reading_starts_and_stops_where_told(settings: Settings) -> None:
    produce_all(
        producer(settings), [Outgoing(JOURNAL, b"k", str(i).encode(), partition=1) for i in range(50)]
    )
    got = [int(m.value()) for batch in read(settings, JOURNAL, {1: 10}, {1: 20}) for m in batch]
    assert got == list(range(10, 20))
    assert list(read(settings, JOURNAL, {})) == []


def test_what_retention_ate_is_said_with_the_number_of_records(settings: Settings) -> None:
    produce_all(producer(settings), [Outgoing(JOURNAL, b"k", b"x", partition=0) for _ in range(50)])
    client = admin(settings)  # held, because its futures end with it
    for future in client.delete_records([TopicPartition(JOURNAL, 0, 30)]).values():
        await_admin(future, "delete records", 20)
    assert spans(settings, JOURNAL)[0].first == 30
    with pytest.raises(LogTruncated) as gone:
        list(read(settings, JOURNAL, {0: 10}))
    assert gone.value.lost == 20
    assert sum(len(batch) for batch in read(settings, JOURNAL)) == 20


def test_offsets_are_found_by_the_logs_time(settings: Settings) -> None:
    produce_all(producer(settings), [Outgoing(JOURNAL, b"k", b"x", partition=0)])
    stamped = next(read(settings, JOURNAL))[0].timestamp()[1]
    assert offsets_at(settings, JOURNAL, stamped)[0] == 0
    assert offsets_at(settings, JOURNAL, stamped + 1) == {0: 1, 1: 0, 2: 0, 3: 0}


def test_an_unknown_topic_is_named(settings: Settings) -> None:
    with pytest.raises(InputError, match="no topic nothing"):
        spans(settings, "nothing")
