"""Publishes rounds at full speed until it is told to stop: `python -m tests.soak.publisher DIR PLANTS AHEAD`.

As `gridcast publish`, folder after folder in one process. It begins a round as soon as the worker is less
than AHEAD records behind, so that the log, and not this machine's disk, is what fills up.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from cli.stopping import until_told
from infra import settings
from infra.kafka import consumer
from infra.registry import schema_ids
from infra.settings import Settings
from infra.topic_reader import spans
from infra.topics import JOURNAL
from producers import publish
from producers.folder import read_folder
from producers.kafka_out import KafkaOut
from producers.order import merge
from producers.resume import Bookmark
from producers.ticks import gap_ticks
from schemas.codec import Codec
from tests.soak.rounds import write_round


def backlog(found: Settings) -> int:
    """Records of the journal that the workers have not committed yet."""
    from confluent_kafka import TopicPartition

    held = spans(found, JOURNAL)
    client = consumer(found, found.worker_group)
    try:
        asked = [TopicPartition(JOURNAL, number) for number in held]
        done = {one.partition: one.offset for one in client.committed(asked, timeout=20)}
    finally:
        client.close()
    return sum(span.end - max(done[number], span.first) for number, span in held.items())


def main(work: Path, plants: int, ahead: int) -> None:
    found = settings.load()
    out, codec = KafkaOut(found), Codec(schema_ids(found))
    number = 0
    with until_told() as stop:
        while not stop.is_set():
            if backlog(found) > ahead:
                stop.wait(1.0)
                continue
            folder = work / f"round-{number}"
            rows = write_round(folder, number, plants)
            read = read_folder(folder, int(time.time() * 1000))
            journal = merge(read, gap_ticks(read, round(found.tick_delay_s)))
            part = publish.Range(0, len(journal))
            began = time.monotonic()
            sent = publish.publish(journal, part, out, codec, 0, Bookmark(work / "bookmark.json"))
            seconds = time.monotonic() - began
            print(f"round {number}: {rows} scans, {sent.records} records in {seconds:.1f} s", flush=True)
            shutil.rmtree(folder)
            number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
