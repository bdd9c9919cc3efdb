"""`gridcast plot`: pictures of forecasts, reliability and skill."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from cli.output import emit, json_option, progress
from cli.times import Moment

KINDS = ("fans", "reliability", "skill")


@click.command(epilog="Example:  gridcast plot fans --plants la-haute-borne --issue 2014-12-20T06:00:00Z")
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS), metavar="[fans|reliability|skill]...")
@click.option("--plants", metavar="PLANT[,PLANT]", help="Only these; else the first six with forecasts.")
@click.option("--from", "from_ms", type=Moment(), help="Only issues at this time or later.")
@click.option("--to", "to_ms", type=Moment(), help="Only issues before this time.")
@click.option("--issue", "issued_ms", type=Moment(), help="Show in full the forecast issued by this time.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the files.  [.gridcast/plots]"
)
@json_option
def command(
    kinds: tuple[str, ...],
    plants: str | None,
    from_ms: int | None,
    to_ms: int | None,
    issued_ms: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Draw what PostgreSQL holds, as PNG: fans against actuals, reliability, skill by horizon.

    fans: a forecast in full with what was measured, and the 6 h ahead forecast of the last days. reliability:
    how often actuals stayed under each quantile. skill: error by lead time against naive forecasts, coverage.
    """
    from consumers.digest import TimeRange
    from infra import settings
    from schemas.errors import GridcastError

    if find_spec("matplotlib") is None:
        raise GridcastError("pictures need matplotlib: install gridcast with its extra `plot`")
    from consumers.pictures import make_pictures

    found = settings.load()
    named = [one.strip() for one in (plants or "").split(",") if one.strip()]
    wanted = kinds or KINDS
    with progress("draw", len(wanted), as_json):
        part = TimeRange(from_ms, to_ms)
        files = make_pictures(found, out or found.home / "plots", wanted, named, part, issued_ms)
    emit({"files": files}, as_json, [str(path) for path in files])
