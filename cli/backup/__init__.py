"""`gridcast backup`: PostgreSQL and the topics into a folder that `gridcast restore` takes."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import emit, json_option, progress


@click.command(
    epilog="Example:  gridcast backup /backups/2026-11-22, each night: backup /backups --dated --keep-days 14"
)
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--whole", is_flag=True, help="Every record that the topics hold, for replays of old ranges.")
@click.option("--also", multiple=True, metavar="TOPIC", help="A topic of others to keep too, whole.")
@click.option("--dated", is_flag=True, help="Into a new folder in OUT that is named by the time in UTC.")
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --dated: afterwards remove the dated folders in OUT that are older.",
)
@json_option
def command(
    out: Path, whole: bool, also: tuple[str, ...], dated: bool, keep_days: int | None, as_json: bool
) -> None:
    """Write PostgreSQL, as of one moment, and what the topics must not lose into the new folder OUT.

    Everything may go on meanwhile. Of the journal and the outputs it takes what a worker, the sink or the
    alerter has still to read, so that after a restore each goes on where it stood; of compacted topics the
    newest record of each key. For the owner of the tables, and for who may read every topic and group.
    """
    from datetime import UTC, datetime, timedelta

    from cli.backup import folder
    from cli.backup.run import back_up
    from infra import settings

    if keep_days is not None and not dated:
        raise click.UsageError("--keep-days goes with --dated")
    found, now = settings.load(), datetime.now(UTC)
    made = folder.dated(out, now) if dated else out
    with progress("backup", None, quiet=as_json) as advance:
        document = back_up(found, made, whole, also, lambda text: advance(1, text))
    # Older ones go only now that a newer one is whole.
    gone = [] if keep_days is None else folder.remove_older(out, now - timedelta(days=keep_days))
    size = f"{document['bytes'] / 1e6:.1f} MB"
    lines = [f"{document['rows']} rows and {document['records']} records, {size} in {made}"]
    lines += [f"removed {path}" for path in gone]
    emit({"folder": made, **document, "removed": gone}, as_json, lines)
