"""Pages of a table or a view: chosen columns, conditions, and a key that says where the next page begins.

Every name in a statement is written in this code; what an asker sends is a value of it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg2

from consumers.api.problems import Problem

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """A question whose rows have an order.

    `source`: what stands after `from`, named `t`. `select`: its columns. `key`: columns of the result that
    identify a row, with their types, in the order of the pages. `conditions`: name -> condition on `t` with
    the parameter `%(name)s`, used where the asker gave a value.
    """

    source: str
    select: str
    key: Mapping[str, str]
    conditions: Mapping[str, str]
    descending: bool = False

    def page(
        self, cursor: Cursor, given: Mapping[str, Any], limit: int, after: str | None = None
    ) -> tuple[list[Row], str | None]:
        """The rows of a page, and the cursor of the next one.

        Raises:
            Problem: 404, the cursor leads nowhere.
        """
        values = {name: value for name, value in given.items() if value is not None}
        where = [self.conditions[name] for name in values if name in self.conditions]
        if after is not None:
            places = _places(after, len(self.key))
            values |= {f"key_{n}": place for n, place in enumerate(places)}
            where.append(self._beyond())
        order = ", ".join(f"{name} desc" if self.descending else name for name in self.key)
        statement = (
            f"select {self.select} from {self.source}"
            f" where {' and '.join(f'({one})' for one in where) or 'true'}"
            f" order by {order} limit %(limit)s"
        )
        try:
            cursor.execute(statement, {**values, "limit": limit + 1})
        except psycopg2.DataError as error:
            if after is None:
                raise
            raise _nowhere() from error
        rows = named(cursor)
        following = self._cursor(rows[limit - 1]) if len(rows) > limit else None
        return rows[:limit], following

    def _beyond(self) -> str:
        names = ", ".join(f"t.{name}" for name in self.key)
        marks = ", ".join(f"%(key_{n})s::{kind}" for n, kind in enumerate(self.key.values()))
        return f"({names}) {'<' if self.descending else '>'} ({marks})"

    def _cursor(self, row: Row) -> str:
        values = [row[name] for name in self.key]
        places = [one.isoformat() if isinstance(one, datetime) else str(one) for one in values]
        return base64.urlsafe_b64encode(json.dumps(places).encode()).decode().rstrip("=")


def named(cursor: Cursor) -> list[Row]:
    """The rows of the last statement, by the names of its columns."""
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _places(text: str, count: int) -> Sequence[str]:
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _nowhere() from error
    if (
        not isinstance(found, list)
        or len(found) != count
        or not all(isinstance(one, str) and "\x00" not in one for one in found)
    ):
        raise _nowhere()
    return found


def _nowhere() -> Problem:
    return Problem(404, "there is no such page: give `next` back as it was given")
