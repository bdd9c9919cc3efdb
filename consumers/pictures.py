"""The pictures of what PostgreSQL holds, as files: for the command, and for the demo's end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumers.chart_data import PlantChart, read_charts
from consumers.charts import draw_fans, draw_reliability, draw_skill
from consumers.digest import TimeRange
from infra.postgres import transaction

if TYPE_CHECKING:
    from infra.settings import Settings

Draw = Callable[[Sequence[PlantChart], Path], None]

#: What can be drawn: name -> how. The name is that of the file too.
PICTURES: Final[dict[str, Draw]] = {
    "fans": draw_fans,
    "reliability": draw_reliability,
    "skill": draw_skill,
}
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
    with transaction(settings, "gridcast-plot") as cursor:
        charts = read_charts(cursor, plants, within or TimeRange(), issued_ms)
    made = []
    for name in wanted:
        path = folder / f"{name}.png"
        PICTURES[name](charts[:MOST_PLANTS], path)
        made.append(path)
    return made
