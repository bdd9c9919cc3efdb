"""One Avro body at a time, with fastavro: any record, any writer's version."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError

from schemas.errors import DecodeError, EncodeError, Reason, UnknownSchema
from schemas.ids import SchemaIds, WriterSchema, today

# What fastavro raises on bytes that are no Avro; each was seen under mutation.
_READ_ERRORS = (EOFError, IndexError, ValueError, OverflowError)
_WRITE_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

Read = Callable[[BytesIO], dict[str, Any]]


class BodyReader:
    """Reads bodies into dicts of today's shape: missing fields get their default, extra ones go."""

    def __init__(self, ids: SchemaIds) -> None:
        self._ids = ids
        self._reads: dict[int, Read] = {}

    def writer(self, schema_id: int) -> WriterSchema:
        """The schema behind an id.

        Raises:
            DecodeError: `unknown_schema`.
            ServiceUnavailable: the registry had to be asked and did not answer.
        """
        try:
            return self._ids.writer(schema_id)
        except UnknownSchema as error:
            raise DecodeError(Reason.UNKNOWN_SCHEMA, str(error), schema_id) from error

    def read(self, writer: WriterSchema, body: bytes) -> dict[str, Any]:
        """The record in a body, which must be all of it.

        Raises:
            DecodeError: `truncated`, `trailing_bytes`, `not_avro`, or `unknown_schema` when what the writer
                meant cannot be said in today's schema.
        """
        source = BytesIO(body)
        try:
            record = self._read_with(writer)(source)
        except SchemaResolutionError as error:
            raise DecodeError(Reason.UNKNOWN_SCHEMA, _one_line(error), writer.schema_id) from error
        except _READ_ERRORS as error:
            raise _unreadable(writer, source, len(body), error) from error
        if source.tell() != len(body):
            detail = f"{writer.name} ends after {source.tell()} of {len(body)} bytes"
            raise DecodeError(Reason.TRAILING_BYTES, detail, writer.schema_id)
        return record

    def _read_with(self, writer: WriterSchema) -> Read:
        if writer.schema_id not in self._reads:
            self._reads[writer.schema_id] = _reader(writer)
        return self._reads[writer.schema_id]


class BodyWriter:
    """Writes records with today's schemas."""

    def __init__(self) -> None:
        self._schemas: dict[str, Any] = {}

    def write(self, name: str, record: Mapping[str, Any], head: bytes = b"") -> bytes:
        """`head` and the body of a record.

        Raises:
            EncodeError: a field is missing, unknown, or of another type.
            UnknownSchema: there is no record of that name.
        """
        if name not in self._schemas:
            self._schemas[name] = fastavro.parse_schema(today(name))
        out = BytesIO()
        out.write(head)
        try:
            fastavro.schemaless_writer(out, self._schemas[name], record, strict_allow_default=True)
        except _WRITE_ERRORS as error:
            raise EncodeError(f"{name}: {_one_line(error)}") from error
        return out.getvalue()


def _reader(writer: WriterSchema) -> Read:
    written = fastavro.parse_schema(writer.definition)
    current = today(writer.name)
    # fastavro reads much faster when it has nothing to resolve.
    wanted = None if writer.definition == current else fastavro.parse_schema(current)

    def read(source: BytesIO) -> dict[str, Any]:
        record: dict[str, Any] = fastavro.schemaless_reader(source, written, wanted)  # type: ignore[assignment]
        return record

    return read


def _unreadable(writer: WriterSchema, source: BytesIO, size: int, error: Exception) -> DecodeError:
    at_end = source.tell() >= size
    reason = Reason.TRUNCATED if at_end else Reason.NOT_AVRO
    what = f"{writer.name} goes on after {size} bytes" if at_end else f"{writer.name}: {_one_line(error)}"
    return DecodeError(reason, what, writer.schema_id)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
