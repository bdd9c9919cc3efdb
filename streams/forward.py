"""Public topics into the journals: weather runs, plant versions and releases, as the bytes that they are.

A record counts from its place in the journal on. Forwarding is at least once: the journal's readers ignore a
second copy by identity.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from infra.kafka import Outgoing
from infra.topics import JOURNAL, PLANTS, REJECTED, RELEASES, WEATHER_RUNS
from schemas.codec import Codec
from schemas.errors import DecodeError, Reason
from schemas.journal import Bad, Control
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun
from streams import meter
from streams.outputs import rejects
from streams.records import Records

Send = Callable[[list[Outgoing]], Awaitable[int]]

#: What each public topic holds, and how to look at it.
FORWARDED: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], Control]]] = {
    WEATHER_RUNS: ("WeatherRun", WeatherRun.from_avro),
    PLANTS: ("PlantVersion", PlantVersion.from_avro),
    RELEASES: ("Release", ReleaseRecord.from_avro),
}
#: Topics where a null value removes a key and is no fault.
COMPACTED = frozenset({PLANTS, RELEASES})


class Forwarder:
    """Forwards batches of the public topics; `journal_partitions` is how many the journal has."""

    def __init__(self, codec: Codec, send: Send, journal_partitions: int) -> None:
        self._codec = codec
        self._send = send
        self._journal_partitions = journal_partitions
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gridcast-forward")
        #: By topic and partition the first record that is not forwarded yet; the watchdog looks at it.
        self.positions: dict[tuple[str, int], int] = {}
        self.owned: frozenset[tuple[str, int]] = frozenset()

    def take_over(self, owned: frozenset[tuple[str, int]]) -> None:
        """Topics and partitions that are ours after a rebalance. Others may have gone on where this forwarder
        was, so its place in each is known again with the first batch.
        """
        self.positions = {}
        self.owned = owned

    async def handle(self, records: Records) -> None:
        """Forward a batch and return when Kafka has acknowledged all of it; then it may be acked."""
        place = records.topic, records.partition
        self.positions[place] = int(records.offsets[0])
        loop = asyncio.get_running_loop()
        copies, bad = await loop.run_in_executor(self._thread, self.sort_out, records)
        await self._send(copies)
        self.positions[place] = int(records.offsets[-1]) + 1
        meter.count_bad(records.topic, bad)
        meter.count_produced(copies)

    def sort_out(self, records: Records) -> tuple[list[Outgoing], list[Bad]]:
        """The copies for the journals with the refused records, and what was refused."""
        copies: list[Outgoing] = []
        bad: list[Bad] = []
        for offset, payload in zip(records.offsets.tolist(), records.payloads, strict=True):
            if payload is None and records.topic in COMPACTED:
                continue
            try:
                copies += self._copies(records.topic, payload)
            except DecodeError as error:
                bad.append(Bad(offset, error.reason, error.detail, None, error.schema_id))
        return copies + rejects(self._codec, records, bad, REJECTED), bad

    def _copies(self, topic: str, payload: bytes | None) -> list[Outgoing]:
        expected, from_avro = FORWARDED[topic]
        name, values = self._codec.decode(payload)
        if name != expected:
            raise DecodeError(Reason.WRONG_TOPIC, f"{name} has no place in {topic}")
        record = from_avro(values)
        if isinstance(record, ReleaseRecord):
            key = record.name.encode()
            return [Outgoing(JOURNAL, key, payload, (), each) for each in range(self._journal_partitions)]
        if isinstance(record, WeatherRun) and record.journaled:
            return []
        return [Outgoing(JOURNAL, record.plant_id.encode(), payload)]
