"""Every exception that gridcast raises on purpose, in one tree.

::

    GridcastError
    |-- DecodeError            bytes that are no record of ours (carries a `Reason`)
    |-- EncodeError            a record that its schema does not admit
    |-- SchemaError            the schemas themselves
    |   |-- UnknownSchema      a name or an id that nobody knows
    |   `-- IncompatibleSchema a new version that could not read the old one's records
    |-- RecordRefused          a well-formed record that may not count (carries a `Reason`)
    |-- ReleaseRefused         an artifact that is not what its manifest says
    |-- InputError             a file or an argument of a user is wrong; the message says where
    |-- SettingsError          a setting is unknown, missing or wrong
    |-- RequestRefused         another service says that it was asked wrongly: a key, a parameter
    |-- LogTruncated           retention ate what had to be read (carries the number of records)
    |-- AnswerRefused          another service answered with what cannot be read or cannot be true (retriable)
    `-- ServiceUnavailable     Kafka, Postgres or another service does not answer (retriable)
        `-- TooLate            not in the time that it was given

Whether trying again can help stands on the class: callers ask `error.retriable` and never read texts.
"""

from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """Why a record was refused: the code on `records.rejected`."""

    TRUNCATED = "truncated"
    TRAILING_BYTES = "trailing_bytes"
    NOT_AVRO = "not_avro"
    UNKNOWN_SCHEMA = "unknown_schema"
    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_PLANT = "unknown_plant"
    NO_TIME = "no_time"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_PAST = "clock_past"
    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    BAD_RUN = "bad_run"
    BAD_PLANT = "bad_plant"
    BAD_RELEASE = "bad_release"
    KEY_MISMATCH = "key_mismatch"
    POISON = "poison"
    UNREADABLE = "unreadable"


class GridcastError(Exception):
    """Root of the tree. `retriable`: the same call may succeed later with nothing changed."""

    retriable: ClassVar[bool] = False


class _WithReason(GridcastError):
    def __init__(self, reason: Reason, detail: str = "", schema_id: int | None = None) -> None:
        super().__init__(reason, detail, schema_id)
        self.reason = reason
        self.detail = detail
        self.schema_id = schema_id

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


class DecodeError(_WithReason):
    """A payload that cannot be read. `schema_id` is None when not even that could be."""


class RecordRefused(_WithReason):
    """A record that was read, and says something that cannot be."""


class EncodeError(GridcastError):
    """A record that does not fit its schema: a fault of the caller, never of the data's source."""


class SchemaError(GridcastError):
    """Something is wrong with a schema itself."""


class UnknownSchema(SchemaError):
    """No schema has this name or this id."""


class IncompatibleSchema(SchemaError):
    """A new version of a schema that could not read what the old one wrote."""


class ReleaseRefused(GridcastError):
    """A model artifact that must not be used: wrong hash, wrong shape, other numbers on the probe."""


class InputError(GridcastError):
    """A user's file or argument is wrong; the message is one plain line with row and column."""


class SettingsError(GridcastError):
    """A setting is unknown, missing or wrong."""


class RequestRefused(GridcastError):
    """Another service says that it was asked wrongly, as by a key that it does not know."""


class AnswerRefused(GridcastError):
    """Another service answered with what cannot be read or cannot be true; its next answer may be right."""

    retriable: ClassVar[bool] = True


class LogTruncated(GridcastError):
    """The log no longer reaches back to where reading has to start."""

    def __init__(self, topic: str, partition: int, lost: int, way_on: str = "") -> None:
        super().__init__(topic, partition, lost, way_on)
        self.topic = topic
        self.partition = partition
        self.lost = lost
        self.way_on = way_on

    def __str__(self) -> str:
        where = f"{self.topic}[{self.partition}]"
        told = f"{where}: {self.lost} records are gone from the log before they were read"
        return f"{told}; {self.way_on}" if self.way_on else told


class ServiceUnavailable(GridcastError):
    """A server did not answer; nothing is known to be lost."""

    retriable: ClassVar[bool] = True


class TooLate(ServiceUnavailable):
    """A server had no whole answer in the time that it was given."""
