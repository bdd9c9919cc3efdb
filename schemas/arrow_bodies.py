"""Avro bodies of one writer to Arrow columns at once, with pyruhvro.

Payloads that lie behind one another in memory are read as what they are to Avro, one long array, without an
object for each. Every one must be as long as its values need, and together they must end where the last one
does: then each was read from its own beginning to its own end.

Where that fails they are read as a list. pyruhvro gives up on the whole list when one body is bad, and does
not look at UTF-8 nor at what follows a body. So a list that fails is halved until the bad ones are nearly
alone. What is left over is not yet bad: fastavro has the last word.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
from numpy.typing import NDArray

from schemas.byte_column import ByteColumn
from schemas.ids import Definition, WriterSchema
from schemas.lengths import Unmeasured, body_bytes, spelt_out
from schemas.wire import HEADER_BYTES, long_of

Longs = NDArray[np.int64]

_TOO_FEW_TO_HALVE = 4
#: Stands behind the last payload: who reads it there has read all of them, and nothing else. Nobody who
#: writes a payload can know it. The zero makes it a number that no reader changes.
_END = os.urandom(7) + b"\0"


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
        self._array_text = json.dumps(_array_of(writer.definition))
        self.readable = _can_read(self._text, self._definition)

    def read_column(self, payloads: ByteColumn) -> tuple[list[Decoded], Longs]:
        """What `read` does, for payloads that all begin with a header of this writer."""
        batch = self._at_once(payloads)
        if batch is None:
            return self.read([payload[HEADER_BYTES:] for payload in payloads if payload is not None])
        return [Decoded(np.arange(len(payloads)), batch)], np.empty(0, np.int64)

    def _at_once(self, payloads: ByteColumn) -> pa.RecordBatch | None:
        """The payloads read as one array; None where one of them is not as it should be."""
        edges, content = payloads.spans()
        array = b"".join((long_of(len(payloads)), content[edges[0] : edges[-1]], long_of(0), _END))
        read = _read_all([array], self._array_text)
        if read is None or read.column(1).to_numpy().tobytes() != _END:
            return None
        batch = pa.RecordBatch.from_struct_array(read.column(0).values.field(_BODY))
        size = np.diff(edges) - HEADER_BYTES
        if batch.num_rows != len(size) or (body_bytes(self._definition, batch) != size).any():
            return None
        return batch

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


_BODY = 2


def _array_of(definition: Definition) -> Definition:
    """A schema of payloads of this one behind one another: headers are a byte and four more."""
    fields = [
        {"name": "magic", "type": "boolean"},
        {"name": "schema_id", "type": "float"},
        {"name": "body", "type": definition},
    ]
    payload = {"type": "record", "name": "Payload", "fields": fields}
    return {
        "type": "record",
        "name": "Payloads",
        "fields": [
            {"name": "payloads", "type": {"type": "array", "items": payload}},
            {"name": "end", "type": "double"},
        ],
    }


def _can_read(text: str, definition: dict[str, Any]) -> bool:
    try:
        schema = pyruhvro.avro_to_arrow_schema(text)
        body_bytes(definition, pa.RecordBatch.from_pylist([], schema))
    except (ValueError, TypeError, Unmeasured):
        return False
    return True
