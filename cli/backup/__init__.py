"""`gridcast backup`: PostgreSQL and the topics into a folder that `gridcast restore` takes."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import emit, json_option, progress


@click.command(epilog="Example:  gridcast backup /backups/2026-11-22")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--whole", is_flag=True, help="Every record that the topics hold, for replays of old ranges.")
@click.option("--also", multiple=True, metavar="TOPIC", help="A topic of others to keep too, whole.")
@json_option
def command(out: Path, whole: bool, also: tuple[str, ...], as_json: bool) -> None:
    """Write PostgreSQL, as of one moment, and what the topics must not lose into the new folder OUT.

    Everything may go on meanwhile. Of the journal and the outputs it takes what a worker, the sink or the
    alerter has still to read, so that after a restore each goes on where it stood; of compacted topics the
    newest record of each key. For the owner of the tables, and for who may read every topic and group.
    """
    from cli.backup.run import back_up
    from infra import settings

    found = settings.load()
    with progress("backup", None, quiet=as_json) as advance:
        document = back_up(found, out, whole, also, lambda text: advance(1, text))
    size = f"{document['bytes'] / 1e6:.1f} MB"
    lines = [f"{document['rows']} rows and {document['records']} records, {size} in {out}"]
    emit({"folder": out, **document}, as_json, lines)
