"""Journal batches as columns, and the patience for servers that are away."""

from __future__ import annotations

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from schemas.codec import Codec
from schemas.errors import ServiceUnavailable
from schemas.journal import JournalBatch
from streams.records import Records

#: How long a schema registry that does not answer, or Kafka in a restore, is asked again.
PATIENCE_S = 300.0

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
