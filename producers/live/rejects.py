"""Messages that cannot be read, for `records.rejected`: with their bytes, and where they came from."""

from __future__ import annotations

import hashlib
from typing import Final

from infra.kafka import Outgoing
from infra.topics import REJECTED
from schemas.codec import Codec
from schemas.errors import RecordRefused

#: A source outside Kafka has no partitions.
_NO_PARTITION: Final = -1
#: Kafka takes records of up to a megabyte; of a longer message this much is kept.
_KEPT_BYTES: Final = 900_000


def reject(codec: Codec, origin: str, payload: bytes, error: RecordRefused, plant_id: str | None) -> Outgoing:
    """The record that says what was refused. `origin`: as `mqtt:park/north`.

    The place of an offset is taken by a number made of origin and bytes: the same message, sent again after
    a loss, has the same identity and counts once.
    """
    kept = payload[:_KEPT_BYTES]
    cut = (
        ""
        if len(kept) == len(payload)
        else f" (the first {_KEPT_BYTES} of its {len(payload)} bytes are kept)"
    )
    record = {
        "topic": origin,
        "partition": _NO_PARTITION,
        "offset": _number_of(origin, payload),
        "key": None,
        "payload": kept,
        "reason": error.reason.value,
        # Text with a NUL has no place in PostgreSQL; what is no UTF-8 has none in Avro.
        "detail": _plain(error.detail + cut),
        "plant_id": plant_id,
        "schema_id": None,
    }
    (body,) = codec.encode("RejectedRecord", [record])
    return Outgoing(REJECTED, plant_id.encode() if plant_id else None, body)


def _number_of(origin: str, payload: bytes) -> int:
    digest = hashlib.sha256(origin.encode("utf-8", "replace") + b"\0" + payload).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _plain(text: str) -> str:
    return text.replace("\0", "?").encode("utf-8", "replace").decode()
