"""`gridcast restore`: what `gridcast backup` has written, back into empty servers."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import emit, json_option, progress


@click.command(epilog="Example:  gridcast restore /backups/2026-11-22")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Look at every file of the backup, and change nothing.")
@click.option(
    "--only",
    type=click.Choice(["postgres", "topics"]),
    help="One of the two; the other is there as it was left.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    help="Only let this group, which a restore could not place, stand where it stood.",
)
@json_option
def command(folder: Path, check: bool, only: str | None, groups: tuple[str, ...], as_json: bool) -> None:
    """Put a backup back: into an empty database and into topics that were never written.

    Every file is checked first. Topics get their offsets back, so that sink, workers and other groups go on
    where they stood. Nothing else may run meanwhile; start it all again afterwards.
    """
    from infra import settings

    if check:
        from cli.backup.folder import read_folder

        document = read_folder(folder)
        counts = {name: document[name] for name in ("at", "gridcast", "whole", "rows", "records")}
        emit(
            counts,
            as_json,
            [f"whole: {counts['rows']} rows and {counts['records']} records of {counts['at']}"],
        )
        return
    from cli.backup.run import place_again, restore

    found = settings.load()
    if groups:
        if only:
            raise click.UsageError("--group places groups alone: it does not go with --only")
        placed = place_again(found, folder, groups)
        emit({"groups": placed}, as_json, [f"{placed} groups stand where they stood"])
        return
    with progress("restore", None, quiet=as_json) as advance:
        done = restore(found, folder, only != "topics", only != "postgres", lambda text: advance(1, text))
    emit(done, as_json, [f"{done['rows']} rows and {done['records']} records are back, as of {done['at']}"])
