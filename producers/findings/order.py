"""Rows that stand twice, that correct an earlier one, or that stand behind a later one."""

from __future__ import annotations

from typing import Final

import numpy as np

from producers.findings.base import Columns, Found, Weight, by_share, percent
from producers.table import Flags, Longs

#: A file in which so many rows share their time with another is not one plant's.
_MANY: Final = 0.3


def repeats(columns: Columns) -> Found:
    """Stamps that stand several times, apart by whether the power is the same."""
    again, same = repeated(columns)
    do = "nothing: the second of two same rows is dropped"
    yield from _told(columns, again[same], "repeated", "repeat an earlier row", do, little=1.0)
    do = "nothing where they correct it (the last one counts); else look for a clock change"
    if again[~same].size > _MANY * columns.row.size:
        do = "look for several units in one file: a plant has one row a time, units a file of their own"
    told = "give the time of an earlier row another power"
    yield from _told(columns, again[~same], "corrected", told, do, little=0.005)


def _told(columns: Columns, rows: Longs, kind: str, told: str, do: str, little: float) -> Found:
    if rows.size:
        share = rows.size / columns.row.size
        what = f"{rows.size} rows {told} ({percent(share)}), this one first"
        row = int(columns.row[rows.min()])
        yield columns.finding(kind, by_share(share, little, 0.1), what, do, row, "event_time", share)


def unordered(columns: Columns) -> Found:
    """Rows that stand behind a row of a later stamp, where the file does not say when each was known."""
    stamps = columns.stamp_ms
    late = np.flatnonzero(stamps < np.maximum.accumulate(stamps)) if stamps.size else stamps
    if not late.size or columns.known_given:
        return
    share = late.size / stamps.size
    row = columns.at(late[0])
    if share > 0.5 and (np.diff(stamps) < 0).mean() > 0.5:
        what = "the newest row stands first: every row but one counts as known only at the very end"
        yield columns.finding(
            "unordered", Weight.MUCH, what, "sort the file by event_time", row, "event_time", share
        )
        return
    told = f"{late.size} rows stand behind a later one ({percent(share)}), this one first"
    what = f"{told}: they count as known late"
    do = "nothing where they came late; else sort the file by event_time"
    yield columns.finding("unordered", by_share(share, 0.01, 0.2), what, do, row, "event_time", share)


def repeated(columns: Columns) -> tuple[Longs, Flags]:
    """The places of rows whose stamp stood before, and whether each has the power of the one before it."""
    order = np.argsort(columns.stamp_ms, kind="stable")
    stamps, power = columns.stamp_ms[order], columns.power_kw[order]
    again = stamps[1:] == stamps[:-1]
    same = (power[1:] == power[:-1]) | (np.isnan(power[1:]) & np.isnan(power[:-1]))
    return order[1:][again], same[again]
