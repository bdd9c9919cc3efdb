"""Payloads of an output topic to rows: through Arrow where it can be, one by one where it must."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from consumers import arrow_rows
from consumers import rows as to_rows
from consumers.rows import Rows
from consumers.tables import Table
from schemas.arrow_bodies import ArrowBodies
from schemas.codec import Codec
from schemas.errors import DecodeError, Reason
from schemas.wire import HEADER_BYTES, header

Payloads = Sequence[bytes | None]


@dataclass
class Found:
    """Rows of the readable payloads, and the others with their place and why."""

    rows: list[Rows] = field(default_factory=list)
    unreadable: list[tuple[int, DecodeError]] = field(default_factory=list)
    known_at_ms: int = -1


class OutputReader:
    """Reads the payloads of output topics; remembers what it learnt of each record's schema."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._arrow: dict[str, ArrowBodies | None] = {}

    def read(self, name: str, table: Table, payloads: Payloads) -> Found:
        """The rows of payloads that should each hold a record `name`."""
        found = Found()
        rest = list(range(len(payloads)))
        bodies = self._bodies(name, table)
        if bodies is not None:
            rest = self._read_quick(bodies, name, table, payloads, found)
        self._read_slow(name, table, payloads, rest, found)
        return found

    def _bodies(self, name: str, table: Table) -> ArrowBodies | None:
        if name not in self._arrow:
            ids = self._codec.ids
            bodies = ArrowBodies(ids.writer(ids.id_of(name)))
            self._arrow[name] = bodies if bodies.readable and arrow_rows.can_take(table) else None
        return self._arrow[name]

    def _read_quick(
        self, bodies: ArrowBodies, name: str, table: Table, payloads: Payloads, found: Found
    ) -> list[int]:
        """Rows of what today's schema wrote; returns the places of the rest."""
        head = header(self._codec.ids.id_of(name))
        today = [at for at, one in enumerate(payloads) if one is not None and one.startswith(head)]
        parts, odd = bodies.read([payloads[at][HEADER_BYTES:] for at in today])  # type: ignore[index]
        for part in parts:
            right = _right_shape(table, part.batch)
            places = part.positions[~right].tolist()
            found.unreadable += [(today[at], _misshapen(name)) for at in places]
            batch = part.batch if right.all() else part.batch.filter(pa.array(right))
            found.rows.append(arrow_rows.from_arrow(table, batch))
            found.known_at_ms = max(found.known_at_ms, _newest(batch))
        others = set(range(len(payloads))) - set(today)
        return sorted(others | {today[at] for at in odd.tolist()})

    def _read_slow(
        self, name: str, table: Table, payloads: Payloads, places: list[int], found: Found
    ) -> None:
        records = []
        for at, decoded in zip(places, self._codec.decode_many([payloads[at] for at in places]), strict=True):
            if isinstance(decoded, DecodeError):
                found.unreadable.append((at, decoded))
            elif decoded[0] != name:
                found.unreadable.append((at, DecodeError(Reason.WRONG_TOPIC, f"{decoded[0]}, not {name}")))
            elif not _record_right_shape(table, decoded[1]):
                found.unreadable.append((at, _misshapen(name)))
            else:
                records.append(decoded[1])
        found.rows.append(to_rows.from_records(table, records))
        newest = max((record.get("known_at", -1) for record in records), default=-1)
        found.known_at_ms = max(found.known_at_ms, newest)


def _misshapen(name: str) -> DecodeError:
    return DecodeError(Reason.POISON, f"arrays of this {name} are not as long as they must be")


def _newest(batch: pa.RecordBatch) -> int:
    if "known_at" not in batch.schema.names or not batch.num_rows:
        return -1
    return int(batch.column("known_at").to_numpy().max())


def _right_shape(table: Table, batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """bool[n]: the arrays of a record fit each other, so that the views can pair them."""
    right = np.ones(batch.num_rows, np.bool_)
    if not table.lengths:
        return right
    sizes = {name: batch.column(name).value_lengths().to_numpy() for name in table.lengths}
    for name, factors in table.lengths.items():
        wanted = np.prod([sizes[factor] for factor in factors], axis=0)
        right &= (sizes[name] == wanted) | (name in table.may_be_empty) & (sizes[name] == 0)
    return right


def _record_right_shape(table: Table, record: Mapping[str, Any]) -> bool:
    for name, factors in table.lengths.items():
        wanted = int(np.prod([len(record[factor]) for factor in factors]))
        if len(record[name]) != wanted and not (name in table.may_be_empty and not record[name]):
            return False
    return True
