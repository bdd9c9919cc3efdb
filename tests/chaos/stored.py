"""Rows as PostgreSQL gives them back, compared byte for byte with those that the topics mean."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psycopg2 import sql

from consumers import tables
from consumers.intake import TOPICS, Reader, Taken
from consumers.registry import Registry
from consumers.rows import Rows
from consumers.tables import Table
from infra.postgres import transaction
from infra.topic_reader import read, spans
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings

COMPARED = (
    tables.FORECASTS, tables.SCORES, tables.ANOMALIES, tables.DRIFT, tables.REJECTS, tables.TELEMETRY,
    tables.WEATHER_RUNS, tables.PLANTS,
)  # fmt: skip
_HEAD_BYTES = 19
_AT_ONCE = 2000


@dataclass
class Held:
    """By key the hash of the other columns; `rows` counts them all, repeats too."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    rows: int = 0

    def add(self, key: bytes, rest: bytes) -> None:
        """Take in a row; the first of a key stays."""
        self.rows += 1
        self.values.setdefault(key, hashlib.sha256(rest).digest()[:16])


def meant(settings: Settings) -> dict[str, Held]:
    """By table what the sink has to have written, read from the topics in the order of their offsets."""
    reader, made = Reader(Codec()), {table.name: Held() for table in COMPARED}
    for topic in TOPICS:
        for number, span in spans(settings, topic).items():
            registry = Registry()
            for messages in read(settings, topic, {number: span.first}, batch=_AT_ONCE):
                taken = [Taken(topic, number, int(m.offset() or 0), m.key(), m.value()) for m in messages]
                intake = reader.read(taken, registry)
                registry = intake.registry
                for rows in intake.rows:
                    if rows.table.name in made:
                        _add(rows, made[rows.table.name])
    return made


def _add(rows: Rows, held: Held) -> None:
    keys = [rows.column(name).to_pylist() for name in rows.table.key]
    types = rows.table.columns
    rest = [_plain(rows.column(name).to_pylist(), types[name]) for name in rows.table.compared]
    for row in range(len(rows)):
        held.add(b"".join(cells[row] for cells in keys), b"".join(cells[row] for cells in rest))


def _plain(cells: Sequence[bytes], pg_type: str) -> Sequence[bytes]:
    """Cells whose bytes can be compared: of a document PostgreSQL keeps what it says, not how it looks."""
    if pg_type != "jsonb":
        return cells
    # A length, the version of the format, the text.
    return [json.dumps(json.loads(cell[5:] or b"null"), sort_keys=True).encode() for cell in cells]


def stored(settings: Settings) -> dict[str, Held]:
    """By table what is there."""
    made = {}
    for table in COMPARED:
        taking = _Taking(table)
        with transaction(settings) as cursor:
            cursor.copy_expert(_query(table).as_string(cursor), taking)
        made[table.name] = taking.held
    return made


def _query(table: Table) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, (*table.key, *table.compared)))
    return sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)").format(
        columns, sql.Identifier(table.name)
    )


class _Taking:
    """A file for COPY to write into: rows are taken off as they come. Format: PostgreSQL's manual on COPY."""

    def __init__(self, table: Table) -> None:
        self.held = Held()
        self._keys, self._fields = len(table.key), len(table.key) + len(table.compared)
        self._types = [table.columns[name] for name in table.compared]
        self._rest = b""
        self._begun = False

    def write(self, block: bytes) -> None:
        self._rest += block
        if not self._begun and len(self._rest) >= _HEAD_BYTES:
            self._rest, self._begun = self._rest[_HEAD_BYTES:], True
        if self._begun:
            for row in self._whole_rows():
                rest = (
                    _plain([cell], pg_type)[0]
                    for cell, pg_type in zip(row[self._keys :], self._types, strict=True)
                )
                self.held.add(b"".join(row[: self._keys]), b"".join(rest))

    def _whole_rows(self) -> Iterator[list[bytes]]:
        at = 0
        while (row := self._row(at)) is not None:
            cells, at = row
            yield cells
        self._rest = self._rest[at:]

    def _row(self, at: int) -> tuple[list[bytes], int] | None:
        data, cells = self._rest, []
        if len(data) < at + 2 or struct.unpack_from(">h", data, at)[0] < 0:
            return None
        at += 2
        for _ in range(self._fields):
            if len(data) < at + 4:
                return None
            end = at + 4 + max(struct.unpack_from(">i", data, at)[0], 0)
            if len(data) < end:
                return None
            cells.append(data[at:end])
            at = end
        return cells, at
