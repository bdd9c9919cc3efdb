"""The time columns of a table, in UTC and at the ends of their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from producers.convert.guesses import Guesses, Stamp
from producers.convert.interval import ends
from producers.convert.stamps import Stamps, parse, to_texts
from producers.convert.unexplained import doubled_hours
from producers.convert.zone import to_utc
from producers.problems import Problems
from producers.table import Ints, Longs, Table

#: The columns of time of each table, each with the columns that part it into sequences.
COLUMNS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "plants": {"valid_from": ("plant_id",)},
    "telemetry": {"event_time": ("plant_id",), "known_at": ("plant_id",)},
    "units": {"event_time": ("plant_id", "unit_id")},
    "weather": {"published_at": ("plant_id", "source"), "valid_at": ("plant_id", "source", "published_at")},
}
#: What is measured over an interval: of these alone it matters which end of it a stamp marks.
_OF_INTERVALS: Final = {("telemetry", "event_time"), ("units", "event_time")}
#: The tables whose stamps the guesses speak of.
_MEASURED: Final = ("telemetry", "units")


def in_utc(stem: str, table: Table, guesses: Guesses, problems: Problems) -> Table:
    """The table with its times in canonical form; a stamp that does not bear what was guessed is a fault."""
    made = table
    for column, parting in COLUMNS[stem].items():
        if column not in table:
            continue
        stamps = _stamps(stem, table.columns[column], guesses.time_format)
        series = _series(table, [name for name in parting if name in table])
        moves = guesses.stamp is Stamp.START and (stem, column) in _OF_INTERVALS
        time_ms, faults = _times(stamps, series, guesses, moves, may_be_zoned=stem not in _MEASURED)
        if faults:
            rows = sorted((int(table.row[at]), what) for at, what in faults.items())
            problems.add_rows(table.file, rows, column)
        else:
            made = made.with_column(column, to_texts(time_ms, stamps.known))
    return made


def _stamps(stem: str, cells: pa.Array, time_format: str | None) -> Stamps:
    """Registry and weather may come from another hand than the measurements, and be ISO 8601 all the same."""
    if stem not in _MEASURED:
        stamps = parse(cells, None)
        if time_format is None or not stamps.faults:
            return stamps
    return parse(cells, time_format)


def _times(
    stamps: Stamps, series: Ints, guesses: Guesses, moves: bool, may_be_zoned: bool
) -> tuple[Longs, dict[int, str]]:
    """UTC, or what is wrong with the stamps as they are written, with their zone, or with their step."""
    faults = stamps.faults or _wrong_kind(stamps, guesses, may_be_zoned)
    time_ms = stamps.wall_ms - stamps.offset_ms
    if not faults and guesses.timezone is not None:
        local = stamps.known & (~stamps.zoned | (guesses.ignore_offset and not may_be_zoned))
        in_zone_ms, faults = to_utc(stamps.wall_ms, local, series, guesses.timezone)
        faults = faults or (
            {} if may_be_zoned else doubled_hours(stamps.wall_ms, local, series, guesses.timezone)
        )
        time_ms = np.where(local, in_zone_ms, time_ms)
    if not faults and moves:
        time_ms, faults = ends(time_ms, stamps.known, series)
    return time_ms, faults


def _wrong_kind(stamps: Stamps, guesses: Guesses, may_be_zoned: bool) -> dict[int, str]:
    """Stamps without a zone where none was given, and stamps with one where one was."""
    if guesses.timezone is None:
        at = np.flatnonzero(stamps.known & ~stamps.zoned)
        return dict.fromkeys(
            at.tolist(), "does not say its time zone: say it with --timezone, as Europe/Paris"
        )
    if guesses.ignore_offset or may_be_zoned:
        return {}
    at = np.flatnonzero(stamps.known & stamps.zoned)
    what = (
        "says its zone itself ({}): leave --timezone away, or add --ignore-offset where the offset is wrong"
    )
    return {int(i): what.format(_offset(int(stamps.offset_ms[i]))) for i in at}


def _offset(offset_ms: int) -> str:
    minutes = abs(offset_ms) // 60_000
    return f"{'-' if offset_ms < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _series(table: Table, parting: Sequence[str]) -> Ints:
    """A number for each distinct combination of the cells of these columns, i4[n]."""
    number = np.zeros(len(table), np.int64)
    for name in parting:
        codes = table.columns[name].dictionary_encode().indices.to_numpy(zero_copy_only=False)
        _, number = np.unique(number * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)
    return number.astype(np.int32)
