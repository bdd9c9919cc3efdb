"""A plant's newest forecast out of PostgreSQL, for a process that does not follow the topics."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from consumers import tables
from consumers.api.params import epoch_ms
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

_PLANT: Final = (
    "select kind, latitude, longitude, issue_every_s from plants where plant_id = %s"
    " order by valid_from desc, known_at desc limit 1"
)
_FIELDS: Final = tuple(tables.FORECASTS.columns)
_NEWEST: Final = (
    f"select {', '.join(_FIELDS)} from forecasts where plant_id = %s"
    " order by issued_at desc, known_at desc limit 1"
)
_NAMES: Final = ("kind", "latitude", "longitude", "issue_every_s")
Record = dict[str, Any]


def registered(cursor: Cursor, plant_id: str) -> Record | None:
    """What answers need of a plant of the registry; None for a stranger."""
    cursor.execute(_PLANT, (plant_id,))
    row = cursor.fetchone()
    return None if row is None else dict(zip(_NAMES, row, strict=True))


def newest(cursor: Cursor, plant_id: str) -> tuple[Record, Record, int]:
    """A plant, its newest forecast as a record, and now in epoch milliseconds.

    Raises:
        InputError: there is no such plant, or no forecast of it.
    """
    plant = registered(cursor, plant_id)
    if plant is None:
        raise InputError(f"there is no plant {plant_id}")
    cursor.execute(_NEWEST, (plant_id,))
    row = cursor.fetchone()
    if row is None:
        raise InputError(f"there is no forecast of {plant_id} yet")
    return plant, record_of(row), time.time_ns() // 1_000_000


def record_of(row: tuple[Any, ...]) -> Record:
    """A row of `forecasts` as the record that it came from."""
    return {name: _plain(value) for name, value in zip(_FIELDS, row, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return epoch_ms(value)
    return [_plain(one) for one in value] if isinstance(value, list) else value
