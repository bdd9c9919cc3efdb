"""Telemetry that was refused as impossible, as it was sent: whoever learns from the rest must know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from infra.topics import JOURNAL
from schemas.errors import Reason
from schemas.journal import TelemetryColumns

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from schemas.codec import Codec

_REFUSED: Final = """
select key, payload
from rejects
where topic = %(topic)s and reason = %(reason)s
order by partition, "offset"
"""


def read_refused(cursor: cursor, codec: Codec, until_ms: int) -> TelemetryColumns:
    """Records of telemetry that no plant can have sent in its unit, known before a time, in journal order.

    Their offsets are counted from 0; their units are left out.
    """
    cursor.execute(_REFUSED, {"topic": JOURNAL, "reason": Reason.OUT_OF_RANGE.value})
    found = cursor.fetchall()
    if not found:
        return TelemetryColumns.empty()
    keys, payloads = ([bytes(one) for one in column] for column in zip(*found, strict=True))
    batch = codec.decode_journal(JOURNAL, 0, np.arange(len(keys), dtype=np.int64), keys, payloads)
    return batch.telemetry.take(batch.telemetry.known_at_ms < until_ms)
