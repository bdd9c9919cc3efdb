"""A list of Avro bodies of one writer to Arrow columns at once, with pyruhvro.

pyruhvro gives up on the whole list when one body is bad, and does not look at UTF-8 nor at what follows a
body. So a list that fails is halved until the bad ones are nearly alone, and each body must be as long as its
values need. What is left over is not yet bad: fastavro has the last word.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
from numpy.typing import NDArray

from schemas.ids import WriterSchema
from schemas.lengths import Unmeasured, body_bytes, spelt_out

Longs = NDArray[np.int64]

_TOO_FEW_TO_HALVE = 4


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows that were read: `positions` i8[n] in the list that was given, `batch` with n rows."""

    positions: Longs
    batch: pa.RecordBatch


class ArrowBodies:
    """Reads bodies of one writer's schema, without resolving it to today's."""

    def __init__(self, writer: WriterSchema) -> None:
        self._definition = spelt_out(writer.definition)
        self._text = json.dumps(writer.definition)
        self.readable = _can_read(self._text, self._definition)

    def read(self, bodies: list[bytes]) -> tuple[list[Decoded], Longs]:
        """What could be read at once, and the positions of the rest, rising."""
        parts: list[Decoded] = []
        rest: list[Longs] = []
        waiting = [(0, len(bodies))]
        while waiting:
            start, stop = waiting.pop()
            batch = _read_all(bodies[start:stop], self._text)
            if batch is not None:
                part, odd = self._as_long_as_needed(bodies, start, batch)
                parts.append(part)
                rest.append(odd)
            elif stop - start <= _TOO_FEW_TO_HALVE:
                rest.append(np.arange(start, stop))
            else:
                middle = (start + stop) // 2
                waiting += [(middle, stop), (start, middle)]
        return parts, np.sort(np.concatenate(rest)) if rest else np.empty(0, np.int64)

    def _as_long_as_needed(
        self, bodies: list[bytes], start: int, batch: pa.RecordBatch
    ) -> tuple[Decoded, Longs]:
        stop = start + batch.num_rows
        positions = np.arange(start, stop)
        size = np.fromiter(map(len, bodies[start:stop]), np.int64, batch.num_rows)
        right = size == body_bytes(self._definition, batch)
        if right.all():
            return Decoded(positions, batch), np.empty(0, np.int64)
        return Decoded(positions[right], batch.filter(pa.array(right))), positions[~right]


def _read_all(bodies: list[bytes], text: str) -> pa.RecordBatch | None:
    try:
        batch = pyruhvro.deserialize_array(bodies, text)
        batch.validate(full=True)
    except ValueError:
        return None
    return batch


def _can_read(text: str, definition: dict[str, Any]) -> bool:
    try:
        schema = pyruhvro.avro_to_arrow_schema(text)
        body_bytes(definition, pa.RecordBatch.from_pylist([], schema))
    except (ValueError, TypeError, Unmeasured):
        return False
    return True
