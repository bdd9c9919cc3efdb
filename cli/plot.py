"""`gridcast plot`: pictures of forecasts, reliability, skill, coverage and of a training."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from cli.output import emit, json_option, progress
from cli.times import Moment

KINDS = ("fans", "reliability", "skill", "coverage", "learning")


@click.command(epilog="Example:  gridcast plot fans --plants la-haute-borne --issue 2014-12-20T06:00:00Z")
@click.argument(
    "kinds", nargs=-1, type=click.Choice(KINDS), metavar="[fans|reliability|skill|coverage|learning]..."
)
@click.option("--plants", metavar="PLANT[,PLANT]", help="Only these; else the first six with forecasts.")
@click.option("--from", "from_ms", type=Moment(), help="Only issues at this time or later.")
@click.option("--to", "to_ms", type=Moment(), help="Only issues before this time.")
@click.option("--issue", "issued_ms", type=Moment(), help="Show in full the forecast issued by this time.")
@click.option("--release", metavar="VERSION", help="learning: of this release; else the newest with losses.")
@click.option("--html", is_flag=True, help="One page plots.html with all pictures in it, too.")
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
    release: str | None,
    html: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Draw what PostgreSQL holds, as PNG; all of it where nothing is named.

    fans: a forecast in full with what was measured, and the 6 h ahead forecast of the last days. reliability:
    how often actuals stayed under each quantile. skill: error by lead time against naive forecasts. coverage:
    the 80 % band by lead time and over time. learning: losses by epoch of a release's networks.
    """
    from consumers.digest import TimeRange
    from infra import settings
    from schemas.errors import GridcastError, InputError

    if find_spec("matplotlib") is None:
        raise GridcastError("pictures need matplotlib: install gridcast with its extra `plot`")
    from consumers.pictures import LEARNING, make_learning_picture, make_pictures, write_page

    found = settings.load()
    folder = out or found.home / "plots"
    named = [one.strip() for one in (plants or "").split(",") if one.strip()]
    wanted = kinds or KINDS
    with progress("draw", len(wanted), as_json):
        of_plants = [kind for kind in wanted if kind != LEARNING]
        files = make_pictures(found, folder, of_plants, named, TimeRange(from_ms, to_ms), issued_ms)
        learning = make_learning_picture(found, folder, release) if LEARNING in wanted else None
    if learning is not None:
        files.append(learning)
    elif LEARNING in kinds:
        raise InputError("no release recorded losses: train one whose correction is a network")
    if html:
        files.append(write_page(files, folder / "plots.html"))
    emit({"files": files}, as_json, [str(path) for path in files])
