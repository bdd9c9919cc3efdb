"""Records to and from the wire: the one door to encoding for every other part of gridcast."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrow_writer import ArrowWriter
from schemas.bodies import BodyReader, BodyWriter
from schemas.errors import DecodeError
from schemas.ids import SchemaIds
from schemas.journal import JournalBatch
from schemas.journal_codec import JournalDecoder
from schemas.wire import header, split


class Codec:
    """Encodes with today's schemas and decodes any version of them, in the Confluent wire format.

    Times are integer milliseconds both ways. One codec serves one thread.
    """

    def __init__(self, ids: SchemaIds | None = None) -> None:
        self.ids = ids or SchemaIds()
        self._reader = BodyReader(self.ids)
        self._writer = BodyWriter()
        self._arrow_writers: dict[str, ArrowWriter] = {}
        self._journal = JournalDecoder(self._reader, self._writer)

    def encode(self, name: str, records: Iterable[Mapping[str, Any]]) -> list[bytes]:
        """A payload for each record.

        Raises:
            EncodeError: a field is missing, unknown, or of another type.
            UnknownSchema: there is no record of that name.
        """
        head = header(self.ids.id_of(name))
        return [self._writer.write(name, record, head) for record in records]

    def encode_arrow(self, name: str, batch: pa.RecordBatch) -> list[bytes]:
        """A payload for each row of a batch whose columns are the record's fields; much faster than `encode`.

        Raises:
            EncodeError: a column is missing, unknown or of another type, or null where null is not admitted;
                or the record has a field of bytes, which only `encode` can write.
            UnknownSchema: there is no record of that name.
        """
        head = header(self.ids.id_of(name))
        if name not in self._arrow_writers:
            self._arrow_writers[name] = ArrowWriter(name)
        return [head + body for body in self._arrow_writers[name].write(batch)]

    def decode(self, payload: bytes | None) -> tuple[str, dict[str, Any]]:
        """Name and values of the record in a payload, in the shape of today's schema.

        Raises:
            DecodeError: with the reason and, where it could be read, the schema id.
            ServiceUnavailable: the registry had to be asked for the schema and did not answer.
        """
        schema_id, body = split(payload)
        writer = self._reader.writer(schema_id)
        return writer.name, self._reader.read(writer, body)

    def decode_many(self, payloads: Iterable[bytes | None]) -> list[tuple[str, dict[str, Any]] | DecodeError]:
        """What `decode` returns or raises as `DecodeError`, for each payload."""
        return [self._decoded(payload) for payload in payloads]

    def _decoded(self, payload: bytes | None) -> tuple[str, dict[str, Any]] | DecodeError:
        try:
            return self.decode(payload)
        except DecodeError as error:
            return error

    def decode_journal(
        self,
        topic: str,
        partition: int,
        offsets: NDArray[np.int64],
        keys: Sequence[bytes | None],
        payloads: Sequence[bytes | None],
    ) -> JournalBatch:
        """A batch of one journal partition, sorted into telemetry columns, control records and bad ones.

        Every record ends up in exactly one of the three. A record is bad when it cannot be read, has no place
        in a journal, or stands under a key that is not its plant (releases, which have no plant, apart).

        Args:
            offsets: i8[n], rising; `keys` and `payloads` are as long.

        Raises:
            ServiceUnavailable: the registry had to be asked for a schema and did not answer.
        """
        return self._journal.decode(topic, partition, offsets, keys, payloads)
