"""A batch of the journal to columns: the first step of the hot path.

Telemetry, ticks and weather runs go through Arrow at once, grouped by writer schema; the few plants and
releases one by one. A record that cannot be read, or stands under another plant's key, becomes a `Bad` and
the rest flows on. What becomes of a record depends on its own bytes and key alone, never on its batch.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro
from numpy.typing import NDArray

from schemas.arrow_bodies import ArrowBodies, Decoded
from schemas.bodies import BodyReader, BodyWriter
from schemas.byte_column import ByteColumn
from schemas.errors import DecodeError, Reason
from schemas.ids import WriterSchema, today
from schemas.journal import Bad, Control, JournalBatch, TelemetryColumns, newest_known_at_ms
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun
from schemas.telemetry_columns import is_projectable, telemetry_columns
from schemas.weather_runs import weather_runs
from schemas.wire import HEADER_BYTES, no_value, schema_id_of

Longs = NDArray[np.int64]

_CONTROLS: Mapping[str, Callable[[Mapping[str, Any]], Control]] = {
    "PlantVersion": PlantVersion.from_avro,
    "WeatherRun": WeatherRun.from_avro,
    "Release": ReleaseRecord.from_avro,
}
_ROWS = ("Telemetry", "Tick")


@dataclass(slots=True)
class _Sorted:
    """What a batch has come apart into so far."""

    offsets: Longs
    keys: ByteColumn
    payloads: ByteColumn
    rows: list[TelemetryColumns] = field(default_factory=list)
    controls: list[tuple[int, Control]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)

    def body(self, position: int) -> bytes:
        """What follows the header of a record that has one."""
        return (self.payloads[position] or b"")[HEADER_BYTES:]

    def refuse(self, position: int, error: DecodeError, plant_id: str | None = None) -> None:
        offset = int(self.offsets[position])
        self.bad.append(Bad(offset, error.reason, error.detail, plant_id, error.schema_id))


class JournalDecoder:
    """Decodes batches; remembers what it learnt of each writer's schema."""

    def __init__(self, reader: BodyReader, writer: BodyWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._arrow: dict[int, ArrowBodies | None] = {}

    def decode(
        self,
        topic: str,
        partition: int,
        offsets: Longs,
        keys: Sequence[bytes | None],
        payloads: Sequence[bytes | None],
    ) -> JournalBatch:
        """The batch sorted out; see `Codec.decode_journal`."""
        out = _Sorted(np.asarray(offsets, np.int64), ByteColumn.of(keys), ByteColumn.of(payloads))
        for head, positions in _by_header(out.payloads).items():
            self._decode_group(out, head, positions)
        telemetry = _in_offset_order(out.rows)
        out.controls.sort(key=lambda control: control[0])
        out.bad.sort(key=lambda bad: bad.offset)
        return JournalBatch(
            topic=topic,
            partition=partition,
            telemetry=telemetry,
            controls=out.controls,
            bad=out.bad,
            last_offset=int(out.offsets[-1]) if len(out.offsets) else -1,
            known_at_ms=newest_known_at_ms(telemetry, out.controls),
            size=len(payloads),
        )

    def _decode_group(self, out: _Sorted, head: bytes | None, positions: Longs) -> None:
        try:
            if head is None:
                raise no_value()
            writer = self._reader.writer(schema_id_of(head))
            if writer.name not in _ROWS and writer.name not in _CONTROLS:
                detail = f"{writer.name} has no place in a journal"
                raise DecodeError(Reason.WRONG_TOPIC, detail, writer.schema_id)
        except DecodeError as error:
            for position in positions.tolist():
                out.refuse(position, error)
            return
        if writer.name in _ROWS:
            self._decode_rows(out, writer, positions)
        else:
            self._decode_controls(out, writer, positions)

    def _decode_rows(self, out: _Sorted, writer: WriterSchema, positions: Longs) -> None:
        parts, rest = self._read_at_once(out, writer, positions)
        for part in parts:
            _add_rows(out, writer, positions[part.positions], part.batch)
        if len(rest):
            self._decode_one_by_one(out, writer, positions[rest])

    def _read_at_once(
        self, out: _Sorted, writer: WriterSchema, positions: Longs
    ) -> tuple[list[Decoded], Longs]:
        arrow = self._arrow_for(writer)
        if arrow is None:
            return [], np.arange(len(positions))
        return arrow.read_column(out.payloads.take(positions))

    def _decode_one_by_one(self, out: _Sorted, writer: WriterSchema, positions: Longs) -> None:
        """fastavro reads and resolves; what it read is encoded anew, so that columns are made in one way."""
        readable: list[int] = []
        anew: list[bytes] = []
        for position in positions.tolist():
            try:
                record = self._reader.read(writer, out.body(position))
            except DecodeError as error:
                out.refuse(position, error)
                continue
            readable.append(position)
            anew.append(self._writer.write(writer.name, record))
        if readable:
            batch = pyruhvro.deserialize_array(anew, json.dumps(today(writer.name)))
            _add_rows(out, writer, np.array(readable, np.int64), batch)

    def _arrow_for(self, writer: WriterSchema) -> ArrowBodies | None:
        if writer.schema_id not in self._arrow:
            bodies = ArrowBodies(writer)
            self._arrow[writer.schema_id] = bodies if bodies.readable and _fits_columns(writer) else None
        return self._arrow[writer.schema_id]

    def _decode_controls(self, out: _Sorted, writer: WriterSchema, positions: Longs) -> None:
        rest = np.arange(len(positions))
        if writer.name == "WeatherRun":
            parts, rest = self._read_at_once(out, writer, positions)
            for part in parts:
                for at, run in zip(part.positions.tolist(), weather_runs(part.batch), strict=True):
                    _add_control(out, writer, int(positions[at]), run)
        for position in positions[rest].tolist():
            _add_control(out, writer, position, self._control(writer, out.body(position)))

    def _control(self, writer: WriterSchema, body: bytes) -> Control | DecodeError:
        try:
            return _CONTROLS[writer.name](self._reader.read(writer, body))
        except DecodeError as error:
            return error


def _add_control(out: _Sorted, writer: WriterSchema, position: int, control: Control | DecodeError) -> None:
    key = out.keys[position]
    if isinstance(control, DecodeError):
        out.refuse(position, DecodeError(control.reason, control.detail, writer.schema_id))
    # A release is nobody's own: it stands in the journals of all the plants that it is for.
    elif isinstance(control, ReleaseRecord) or key == control.plant_id.encode():
        out.controls.append((int(out.offsets[position]), control))
    else:
        out.refuse(position, _other_key(key, writer), control.plant_id)


def _fits_columns(writer: WriterSchema) -> bool:
    if writer.name in _ROWS:
        return is_projectable(writer.name, writer.definition)
    return writer.definition == today(writer.name)


def _by_header(payloads: ByteColumn) -> Mapping[bytes | None, Longs]:
    """Header -> positions of the payloads that begin with it; None for those that are null."""
    edges, content = payloads.spans()
    if len(payloads) and payloads.array.null_count == 0 and np.diff(edges).min() >= HEADER_BYTES:
        heads = np.frombuffer(content, np.uint8)[edges[:-1, np.newaxis] + np.arange(HEADER_BYTES)]
        if (heads == heads[0]).all():
            return {heads[0].tobytes(): np.arange(len(payloads))}
        numbers = heads @ (256 ** np.arange(HEADER_BYTES))
        _, first, kind = np.unique(numbers, return_index=True, return_inverse=True)
        return {heads[at].tobytes(): np.flatnonzero(kind == n) for n, at in enumerate(first.tolist())}
    groups: dict[bytes | None, list[int]] = {}
    for position, payload in enumerate(payloads):
        groups.setdefault(None if payload is None else payload[:HEADER_BYTES], []).append(position)
    return {head: np.array(positions) for head, positions in groups.items()}


def _add_rows(out: _Sorted, writer: WriterSchema, positions: Longs, batch: pa.RecordBatch) -> None:
    rows = telemetry_columns(batch, out.offsets[positions], is_tick=writer.name == "Tick")
    right = _under_own_key(batch.column("plant_id"), out.keys.take(positions))
    if right.all():
        out.rows.append(rows)
        return
    out.rows.append(rows.take(right))
    for row in np.flatnonzero(~right).tolist():
        position = int(positions[row])
        error = _other_key(out.keys[position], writer)
        out.refuse(position, error, rows.plant_ids[rows.plant[row]])


def _under_own_key(plant_id: pa.Array, keys: ByteColumn) -> NDArray[np.bool_]:
    """bool[n]: the key is the plant's id."""
    own = plant_id.view(pa.binary())
    if own.equals(keys.array):
        return np.ones(len(keys), np.bool_)
    same: NDArray[np.bool_] = pc.equal(own, keys.array).fill_null(False).to_numpy(zero_copy_only=False)
    return same


def _other_key(key: bytes | None, writer: WriterSchema) -> DecodeError:
    shown = "no key" if key is None else f"key {key[:64]!r}"
    detail = f"{shown} is not the plant of this {writer.name}"
    return DecodeError(Reason.KEY_MISMATCH, detail, writer.schema_id)


def _in_offset_order(parts: list[TelemetryColumns]) -> TelemetryColumns:
    rows = parts[0] if len(parts) == 1 else TelemetryColumns.concat(parts)
    if len(rows) < 2 or bool((np.diff(rows.offset) > 0).all()):
        return rows
    return rows.take(np.argsort(rows.offset, kind="stable"))
