"""`gridcast retention`: let go of what PostgreSQL no longer has to keep."""

from __future__ import annotations

from dataclasses import asdict

import click

from cli.output import emit, json_option, table


@click.command(epilog="Example:  gridcast retention --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@json_option
def command(dry_run: bool, as_json: bool) -> int:
    """Drop the months, and delete the rows, that the settings `keep_...` no longer keep.

    A month is dropped when each of its plants has newer rows by so many days: what a training or a revision
    of a plant still needs stays, whatever year the plant lives in. For the owner of the tables, once a day;
    it may be stopped at any time and run beside everything else.
    """
    from consumers.retention import retain
    from infra import settings

    months, gone = retain(settings.load(), dry_run)
    rows = [
        {"table": one.table, "month": one.name, "mb": round(one.size_bytes / 1e6, 1), "what": one.what}
        for one in months
    ]
    verb = "to be deleted" if dry_run else "deleted"
    lines = [
        *(table(rows) if rows else ["no month is old enough"]),
        *(f"{one.table}: {one.rows} rows {verb}" for one in gone if one.rows),
    ]
    document = {
        "months": [{**asdict(one), "what": one.what} for one in months],
        "rows": [asdict(one) for one in gone],
    }
    emit({"dry_run": dry_run, **document}, as_json, lines)
    return 1 if any(one.trouble for one in months) else 0
