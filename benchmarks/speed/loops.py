"""The two yardsticks, each a process of its own that prints what it cost.

    python -m benchmarks.speed.loops plain|ceiling KAFKA GROUP HEADS ENDS

`plain`: confluent-kafka and fastavro, one record after another, and nothing is done with what was read.
`ceiling`: confluent-kafka and the batch decoder, whole lists at once: nobody who decodes can be faster.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import fastavro
import pyruhvro
from confluent_kafka import Consumer, TopicPartition

from benchmarks.speed.journal import Loaded
from benchmarks.speed.machine import Pinned, cores, cpu_s
from benchmarks.speed.rate import Rate
from infra.settings import isolated_environment
from infra.topics import JOURNAL
from schemas.ids import today
from schemas.wire import HEADER_BYTES

AT_ONCE: Final = 2000
_LIMIT_S: Final = 300.0


def run(kind: str, loaded: Loaded) -> Rate:
    """One run of a yardstick on the core of what is measured."""
    settings = loaded.settings
    places = [json.dumps(places) for places in (loaded.heads, loaded.ends)]
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.loops",
        kind,
        settings.kafka,
        f"bench-{time.time_ns()}",
        *places,
    ]
    log = settings.home / "logs" / f"{kind}-{time.monotonic_ns()}.log"
    broker_s = cpu_s(loaded.broker_pid)
    with Pinned(command, isolated_environment(settings.home), log, cores()[0]) as child:
        if child.process.wait(_LIMIT_S) != 0:
            raise RuntimeError(f"{kind} failed: {child.said()[-1500:]}")
        found = Rate(**json.loads(child.said().splitlines()[-1]))
        return replace(found, broker_cpu_s=cpu_s(loaded.broker_pid) - broker_s)


def main(kind: str, kafka: str, group: str, heads: str, ends: str) -> None:
    """Read from heads to ends, commit, and print records, seconds and CPU as JSON."""
    first, last = ({int(p): at for p, at in json.loads(text).items()} for text in (heads, ends))
    client = Consumer({"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False})
    client.assign([TopicPartition(JOURNAL, partition, at) for partition, at in first.items()])
    left = sum(last.values()) - sum(first.values())
    decode, total = {"plain": plain, "ceiling": ceiling}[kind](), left
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    while left:
        messages = client.consume(AT_ONCE, timeout=1.0)
        decode(messages)
        left -= len(messages)
    client.commit(offsets=[TopicPartition(JOURNAL, p, at) for p, at in last.items()], asynchronous=False)
    spent = {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - began_cpu_s}
    print(json.dumps({"records": total, **spent}))


def plain() -> Callable[[list[Any]], object]:
    """Each record by itself, as fastavro's documentation has it."""
    schema = fastavro.parse_schema(today("Telemetry"))

    def decode(messages: list[Any]) -> None:
        for message in messages:
            fastavro.schemaless_reader(io.BytesIO(message.value()[HEADER_BYTES:]), schema, None)

    return decode


def ceiling() -> Callable[[list[Any]], object]:
    """The bodies of a list at once, by the decoder of the hot path."""
    text = json.dumps(today("Telemetry"))

    def decode(messages: list[Any]) -> None:
        if messages:
            pyruhvro.deserialize_array([message.value()[HEADER_BYTES:] for message in messages], text)

    return decode


if __name__ == "__main__":
    main(*sys.argv[1:])
