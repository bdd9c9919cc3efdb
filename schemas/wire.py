"""The Confluent wire format: a zero byte, the schema id in four bytes, big end first, then the Avro body."""

from schemas.errors import DecodeError, Reason

HEADER_BYTES = 5
LARGEST_ID = 2**31 - 1  # a registry's ids are signed, and so is the field of a rejected record
_MAGIC = 0
_SEVEN_BITS = 0x7F
_MORE = 0x80


def header(schema_id: int) -> bytes:
    """The five bytes before a body."""
    return _MAGIC.to_bytes(1, "big") + schema_id.to_bytes(4, "big")


def schema_id_of(head: bytes) -> int:
    """The schema id in the first five bytes of a payload.

    Raises:
        DecodeError: `truncated` when there are fewer than five, `not_avro` when the first is not zero,
            `unknown_schema` when the id is none.
    """
    if head and head[0] != _MAGIC:
        raise DecodeError(Reason.NOT_AVRO, f"begins with byte {head[0]}, not with 0")
    if len(head) < HEADER_BYTES:
        raise DecodeError(Reason.TRUNCATED, f"{len(head)} bytes, less than a header")
    schema_id = int.from_bytes(head[1:HEADER_BYTES], "big")
    if schema_id > LARGEST_ID:
        raise DecodeError(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id} is larger than any registry gives")
    return schema_id


def split(payload: bytes | None) -> tuple[int, bytes]:
    """Schema id and body of a payload.

    Raises:
        DecodeError: `not_avro` or `truncated`.
    """
    if payload is None:
        raise no_value()
    return schema_id_of(payload[:HEADER_BYTES]), payload[HEADER_BYTES:]


def no_value() -> DecodeError:
    """The refusal of a record with a null value."""
    return DecodeError(Reason.NOT_AVRO, "null value (a tombstone)")


def long_of(value: int) -> bytes:
    """A number as Avro writes it: zigzag, in as few bytes as it needs."""
    rest, written = (value << 1) ^ (value >> 63), bytearray()
    while rest > _SEVEN_BITS:
        written.append(rest & _SEVEN_BITS | _MORE)
        rest >>= 7
    return bytes((*written, rest))
