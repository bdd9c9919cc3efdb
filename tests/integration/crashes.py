"""What the tests of crash points share: journals without a forwarder, and time-outs that need no waiting."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConsumerGroupDescription,
    ResourceType,
)
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from infra.kafka import Outgoing, admin
from infra.settings import Settings
from infra.topic_reader import read, spans
from infra.topics import ANOMALIES, CHECKPOINTS, FORECASTS, JOURNAL, SCORES
from tests.integration.workers import (
    CODEC,
    RunningWorker,
    await_true,
    contents,
    differences,
    identities,
    plant_versions,
    replayed,
    send,
    weather_runs,
)


def journaled() -> list[Outgoing]:
    """Plants and weather as `gridcast publish` writes them: in the journal itself."""
    versions = [Outgoing(JOURNAL, (r.key or b"").split(b"|")[0], r.value) for r in plant_versions()]
    return versions + [Outgoing(JOURNAL, r.key, r.value) for r in weather_runs()]


def take_out_of_the_group(settings: Settings, group: str) -> None:
    """Do at once what the broker does when the session of a member has run out: take all members out."""
    asyncio.run(_take_out(settings, group))


@retry(retry=retry_if_exception_type(KafkaException), stop=stop_after_delay(30), wait=wait_fixed(0.2))
def _described(asking: AdminClient, group: str) -> ConsumerGroupDescription:
    """A broker that was just started has no coordinator yet."""
    return asking.describe_consumer_groups([group])[group].result(20)


async def _take_out(settings: Settings, group: str) -> None:
    asking = admin(settings)  # its futures end with it
    described = await asyncio.to_thread(_described, asking, group)
    client = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await client.start()
    try:
        coordinator = await client.find_coordinator(group)
        for member in described.members:
            await client._send_request(LeaveGroupRequest(group, member.member_id), coordinator)
    finally:
        await client.close()


def expect_nothing_else(settings: Settings) -> None:
    """What is out so far is what the journal leads to, bit for bit; some of it may be missing yet."""
    made = [record for done in replayed(settings) for record in done.records]
    for topic in (FORECASTS, SCORES, ANOMALIES):
        meant = identities([CODEC.decode(record.value) for record in made if record.topic == topic])
        found = identities(contents(settings, topic))
        assert differences(found, {key: meant[key] for key in meant.keys() & found.keys()}) == [], topic


def await_asleep(worker: RunningWorker, timeout_s: float = 60) -> None:
    """Return once the process has stopped itself."""
    process = psutil.Process(worker.process.pid)
    await_true(lambda: process.status() == psutil.STATUS_STOPPED, timeout_s, worker)


@contextmanager
def _compactor_in_a_hurry(settings: Settings) -> Iterator[None]:
    """Kafka looks every 15 s for what it may compact; here ten times a second, and into every segment."""
    client = admin(settings)
    broker = str(next(iter(client.list_topics(timeout=20).brokers)))
    changes = [
        (ConfigResource(ResourceType.BROKER, broker), {"log.cleaner.backoff.ms": "100"}),
        (
            ConfigResource(ResourceType.TOPIC, CHECKPOINTS),
            {"min.cleanable.dirty.ratio": "0.0", "segment.ms": "100"},
        ),
    ]
    _alter(settings, changes, AlterConfigOpType.SET)
    try:
        yield
    finally:
        _alter(settings, changes, AlterConfigOpType.DELETE)


def compact(settings: Settings) -> None:
    """Have Kafka itself compact `worker.checkpoints`: of each key the last record is left."""
    last = {partition: span.end for partition, span in spans(settings, CHECKPOINTS).items()}
    with _compactor_in_a_hurry(settings):
        time.sleep(0.2)  # older than this, a segment ends at the next record; an open one is never compacted
        close = [Outgoing(CHECKPOINTS, b"end of the segment", None, (), partition) for partition in last]
        send(settings, close)
        await_true(lambda: not _repeated_keys(settings, last), 30)


def _repeated_keys(settings: Settings, ends: dict[int, int]) -> list[tuple[int, bytes | None]]:
    keys = [(m.partition(), m.key()) for batch in read(settings, CHECKPOINTS, None, ends) for m in batch]
    return [key for key, count in Counter(keys).items() if count > 1]


def _alter(
    settings: Settings, changes: list[tuple[ConfigResource, dict[str, str]]], how: AlterConfigOpType
) -> None:
    client = admin(settings)
    for resource, values in changes:
        entries = [ConfigEntry(name, value, incremental_operation=how) for name, value in values.items()]
        asked = ConfigResource(resource.restype, resource.name, incremental_configs=entries)
        for future in client.incremental_alter_configs([asked]).values():
            future.result(20)
