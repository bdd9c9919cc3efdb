"""What the pictures share: colours, figures, axes, legends, files. Drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from consumers.skill import horizon_name

BAND, MEDIAN, ACTUAL, NAIVE, OTHER = "#2f6db3", "#123a66", "#111111", "#d1603d", "#7a7a7a"
SMART = "#b8892b"
#: Lead times that are shown together: name, first and last [s].
GROUPS: Final = (("up to 1 h", 0, 3600), ("2 to 6 h", 7200, 21_600), ("12 to 48 h", 43_200, 172_800))
GROUP_COLORS: Final = (BAND, MEDIAN, NAIVE)
DPI: Final = 130


def grid(
    rows: int, columns: int, ratios: tuple[float, ...] | None, row_height: float, width: float = 6.5
) -> Figure:
    """A figure of rows x columns panels, sizes in inches."""
    figure = Figure(figsize=(width * columns, row_height * rows + 0.9), layout="constrained", dpi=DPI)
    figure.subplots(rows, columns, squeeze=False, width_ratios=ratios)
    return figure


def hide(figure: Figure, used: int) -> None:
    """Leave the panels after the first `used` empty."""
    for axes in figure.axes[used:]:
        axes.set_visible(False)


def lead_axis(axes: Axes, leads_s: Sequence[int]) -> None:
    """Lead times along the bottom, by their names."""
    hours = [lead_s / 3600 for lead_s in leads_s]
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(hours))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(hours, [horizon_name(lead_s) for lead_s in leads_s])
    axes.set_xlabel("lead time")
    axes.grid(alpha=0.25)


def legend(figure: Figure, *sources: Axes) -> None:
    """One legend for all panels, under them."""
    found: dict[str, Any] = {}
    for axes in sources:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    if found:
        figure.legend(
            list(found.values()),
            list(found),
            loc="outside lower center",
            ncols=min(len(found), 7),
            frameon=False,
        )


def save(figure: Figure, path: Path) -> None:
    """Write the file, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
