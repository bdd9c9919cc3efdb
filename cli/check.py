"""`gridcast check`: what a folder holds, and what is wrong with it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from cli.check_lines import bad_document, bad_lines, document, lines, suggestion_lines
from cli.check_options import conversion_options, guesses_of
from cli.output import emit, json_option, progress


@click.command(
    epilog="Example:  gridcast check export --timezone Europe/Paris --stamp start --unit W --map P=power_kw "
    "--write mine"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@conversion_options
@json_option
def command(folder: Path, out: Path | None, as_json: bool, **options: Any) -> None:
    """Read a folder and say what is wrong with it, by row and column, or make a canonical one.

    DIR is a folder with plants, telemetry and perhaps units and weather, or one file with telemetry, as .csv,
    .csv.gz, .xlsx or .parquet. Rows are lines of the file; the header is row 1. Exit code 1 when it cannot be
    used as it is.
    """
    from producers.check import read_as, read_strictly
    from producers.convert.guesses import Guesses
    from producers.convert.write import refuse_filled, write_folder
    from producers.files import SUFFIXES
    from producers.findings.all import find_all
    from producers.problems import BadFolder
    from producers.report import report
    from producers.suggest.suggest import suggest

    guesses, now_ms = guesses_of(options), int(time.time() * 1000)
    if out is not None:
        refuse_filled(out)
    as_is = out is None and guesses == Guesses() and not (folder.is_file() and folder.name.endswith(SUFFIXES))
    try:
        with progress(f"check {folder}", 3, quiet=as_json) as advance:
            read = read_strictly(folder, now_ms) if as_is else read_as(folder, guesses, now_ms)
            advance(1, "read")
            plants, findings = report(read.folder), find_all(read.folder, read.tables)
            advance(1, "looked at")
            if out is not None:
                write_folder(out, read.tables)
            advance(1, "done")
    except BadFolder as bad:
        more = suggest(folder, guesses, now_ms)
        emit(bad_document(folder, bad, more), as_json, [*bad_lines(bad), *suggestion_lines(folder, more)])
        raise
    emit(document(read.folder, plants, findings, out), as_json, lines(read.folder, plants, findings, out))
