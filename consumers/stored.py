"""What stands in the tables, as the records that it came from."""

import json
from typing import TYPE_CHECKING, Final

from psycopg2 import sql

from consumers import tables
from schemas.records import PlantVersion, ReleaseRecord

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_PLANT_FIELDS: Final = tuple(name for name in tables.PLANTS.columns if not name.startswith("journal_"))


def read_plants(cursor: "cursor", known_before_ms: int | None = None) -> list[PlantVersion]:
    """Every version of every plant (known before a time, if one is given), in the order of the journal."""
    columns = [_selected(name, tables.PLANTS.columns[name]) for name in _PLANT_FIELDS]
    cursor.execute(
        sql.SQL(
            "select {} from plants where %(until)s::bigint is null or known_at < {}"
            " order by plant_id, journal_offset"
        ).format(sql.SQL(", ").join(columns), time_of("until")),
        {"until": known_before_ms},
    )
    return [PlantVersion.from_avro(dict(zip(_PLANT_FIELDS, row, strict=True))) for row in cursor.fetchall()]


_RELEASE_FIELDS: Final = tuple(tables.RELEASES.columns)


def read_releases(cursor: "cursor") -> list[ReleaseRecord]:
    """Every record of `model.releases` that the sink has written, in the order in which they were made."""
    columns = [_selected(name, kind) for name, kind in tables.RELEASES.columns.items()]
    cursor.execute(
        sql.SQL("select {} from releases order by known_at, valid_from, name").format(
            sql.SQL(", ").join(columns)
        )
    )
    records = [dict(zip(_RELEASE_FIELDS, row, strict=True)) for row in cursor.fetchall()]
    return [ReleaseRecord.from_avro({**one, "manifest": json.dumps(one["manifest"])}) for one in records]


def time_of(parameter: str) -> sql.SQL:
    """A statement's milliseconds as a timestamp; exact, which `to_timestamp` of a float is not."""
    return sql.SQL(f"(timestamptz 'epoch' + %({parameter})s * interval '1 millisecond')")


def _selected(name: str, pg_type: str) -> sql.Composable:
    column = sql.Identifier(name)
    if pg_type == "timestamptz":
        return sql.SQL("(extract(epoch from {}) * 1000)::bigint").format(column)
    return column
