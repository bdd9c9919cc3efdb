"""Stamps as they are written: the reading of the clock, and the offset where the cell gives one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from producers.cells import FIRST_MS, LAST_MS
from producers.table import NO_VALUE, Flags, Longs

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Stamps:
    """n stamps. `wall_ms` i8[n] is the reading of the clock as if it were UTC, `offset_ms` i8[n] the offset
    that the cell says; `known` whether there is a time at all, `zoned` whether it says its zone. `faults`:
    place -> what is wrong with a cell.
    """

    wall_ms: Longs
    offset_ms: Longs
    known: Flags
    zoned: Flags
    faults: dict[int, str]


def parse(cells: pa.Array, time_format: str | None) -> Stamps:
    """The stamps of a column of text, in ISO 8601 or as `time_format` (of `strptime`) says."""
    encoded = cells.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    if time_format is None and (at_once := _walls_at_once(encoded.dictionary)) is not None:
        every = np.ones(len(codes), np.bool_)
        return Stamps(at_once[codes], np.zeros(len(codes), np.int64), every, ~every, {})
    texts = encoded.dictionary.to_pylist()
    wall_ms, offset_ms = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    known, zoned = np.zeros(len(texts), np.bool_), np.zeros(len(texts), np.bool_)
    wrong: dict[int, str] = {}
    for i, text in enumerate(texts):
        if text in NO_VALUE:
            continue
        try:
            moment = _moment(text, time_format)
            wall_ms[i] = round((moment.replace(tzinfo=UTC) - _EPOCH) / _MS)
            if not FIRST_MS <= wall_ms[i] <= LAST_MS:
                raise ValueError(f"{text!r} lies outside of the years that can be written: check the clock")
        except ValueError as error:
            wrong[i] = str(error)
            continue
        known[i] = True
        offset = moment.utcoffset()
        if offset is not None:
            zoned[i] = True
            offset_ms[i] = offset // _MS
    faults = {int(at): wrong[int(codes[at])] for at in np.flatnonzero(np.isin(codes, list(wrong)))}
    return Stamps(wall_ms[codes], offset_ms[codes], known[codes], zoned[codes], faults)


def _walls_at_once(distinct: pa.Array) -> Longs | None:
    """What Arrow can read of ISO 8601 without a zone; None where a single text is anything else."""
    try:
        made: Longs = distinct.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return made if len(made) and ((made >= FIRST_MS) & (made <= LAST_MS)).all() else None


def to_texts(time_ms: Longs, known: Flags) -> pa.Array:
    """Times in ISO 8601 with a Z, empty where there is none."""
    whole = bool((time_ms[known] % 1000 == 0).all())
    times = pa.array(np.where(known, time_ms, 0), pa.timestamp("ms"))
    if whole:
        times = times.cast(pa.timestamp("s"))
    texts = pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ")
    return pc.if_else(pa.array(known), texts, "")


def _moment(text: str, time_format: str | None) -> datetime:
    if time_format is None:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is no time of ISO 8601: say how it is written, as {_EXAMPLE}"
            ) from None
    try:
        return datetime.strptime(text, time_format)
    except ValueError:
        raise ValueError(f"{text!r} is not written as --time-format {time_format!r} says") from None


_EXAMPLE: Final = "--time-format '%d.%m.%Y %H:%M'"
