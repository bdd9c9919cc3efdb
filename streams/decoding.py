"""Journal batches as columns, and the patience for servers that are away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from schemas.byte_column import ByteColumn
from schemas.codec import Codec
from schemas.errors import ServiceUnavailable
from schemas.journal import JournalBatch
from streams.records import PlainRecords, Records

#: How long a schema registry that does not answer, or Kafka in a restore, is asked again.
PATIENCE_S = 300.0
NO_PARTITION = -1

asked_again = retry(
    retry=retry_if_exception_type(ServiceUnavailable),
    stop=stop_after_delay(PATIENCE_S),
    wait=wait_exponential(multiplier=0.5, max=10.0),
    reraise=True,
)


@asked_again
def decode(codec: Codec, records: Records) -> JournalBatch:
    """The batch as columns. Nothing is changed by it, so a registry that is away is asked again."""
    return codec.decode_journal(
        records.topic, records.partition, records.offsets, records.keys, records.payloads
    )


def decode_all(codec: Codec, work: Sequence[Records]) -> list[JournalBatch]:
    """A batch of each of some partitions, decoded at once: most of what a small one costs are the calls."""
    if len(work) == 1:
        return [decode(codec, work[0])]
    starts = np.cumsum([0, *(len(one.offsets) for one in work)]).tolist()
    keys = ByteColumn.joined([ByteColumn.of(one.keys) for one in work])
    payloads = ByteColumn.joined([ByteColumn.of(one.payloads) for one in work])
    places = np.arange(starts[-1])
    whole = decode(codec, PlainRecords(work[0].topic, NO_PARTITION, places, keys, payloads))
    parts = zip(work, starts[:-1], strict=True)
    return [whole.of_partition(one.partition, one.offsets, start) for one, start in parts]
