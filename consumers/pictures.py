"""The pictures of what PostgreSQL holds, as files: for the command, and for the demo's end."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumers.chart_data import PlantChart, read_charts
from consumers.charts import draw_fans, draw_reliability, draw_skill
from consumers.coverage_chart import draw_coverage
from consumers.digest import TimeRange
from consumers.learning import read_learning
from consumers.learning_chart import draw_learning
from infra.postgres import transaction

if TYPE_CHECKING:
    from infra.settings import Settings

Draw = Callable[[Sequence[PlantChart], Path], None]

#: What can be drawn of forecasts: name -> how. The name is that of the file too.
PICTURES: Final[dict[str, Draw]] = {
    "fans": draw_fans,
    "reliability": draw_reliability,
    "skill": draw_skill,
    "coverage": draw_coverage,
}
#: The losses by epoch of a release; the only picture that is of no plant.
LEARNING: Final = "learning"
#: More plants than this in one picture cannot be read.
MOST_PLANTS: Final = 6


def make_pictures(
    settings: Settings,
    folder: Path,
    wanted: Collection[str] = tuple(PICTURES),
    plants: Collection[str] = (),
    within: TimeRange | None = None,
    issued_ms: int | None = None,
) -> list[Path]:
    """Draw `wanted` of `PICTURES` into a folder, `NAME.png` each; returns the files.

    Args:
        plants: these; the first `MOST_PLANTS` that have forecasts where none is named.
        within: of issue times, for the scores.
        issued_ms: which forecast is shown in full; else the newest whose first day has been measured.

    Raises:
        InputError: there are no forecasts of these plants in this range.
        ServiceUnavailable: PostgreSQL does not answer.
    """
    if not wanted:
        return []
    with transaction(settings, "gridcast-plot") as cursor:
        charts = read_charts(cursor, plants, within or TimeRange(), issued_ms)
    made = []
    for name in wanted:
        path = folder / f"{name}.png"
        PICTURES[name](charts[:MOST_PLANTS], path)
        made.append(path)
    return made


def make_learning_picture(settings: Settings, folder: Path, version: str | None = None) -> Path | None:
    """Draw the losses of the newest release that recorded any (or of a version) into `learning.png`; None
    where there are none.

    Raises:
        InputError: there is no such version.
        ServiceUnavailable: PostgreSQL does not answer.
    """
    with transaction(settings, "gridcast-plot") as cursor:
        curves = read_learning(cursor, version)
    if not curves:
        return None
    path = folder / f"{LEARNING}.png"
    draw_learning(curves, path)
    return path


def write_page(files: Sequence[Path], path: Path) -> Path:
    """All pictures in one HTML file that needs no other."""
    parts = [
        f"<h2>{file.stem}</h2>\n"
        f'<img alt="{file.stem}" src="data:image/png;base64,{b64encode(file.read_bytes()).decode()}">'
        for file in files
    ]
    head = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>gridcast</title>'
    style = "<style>body{font-family:sans-serif;margin:2em}img{max-width:100%}</style></head><body>"
    path.write_text("\n".join([head, style, *parts, "</body></html>"]) + "\n", encoding="utf-8")
    return path
