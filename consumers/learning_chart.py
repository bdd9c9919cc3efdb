"""Picture: losses by epoch of the networks of a release, in training and on held-back days."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.ticker import MaxNLocator

from consumers.chart_parts import BAND, NAIVE, grid, hide, legend, save
from consumers.learning import Curve

_ACROSS: Final = 3


def draw_learning(curves: Sequence[Curve], path: Path) -> None:
    """A panel for each network; the least held-back loss is marked."""
    figure = grid(-(-len(curves) // _ACROSS), min(len(curves), _ACROSS), None, row_height=3.4, width=4.6)
    for axes, curve in zip(figure.axes, curves, strict=False):
        axes.plot(1 + np.arange(curve.train.size), curve.train, color=BAND, lw=1.4, label="training")
        if curve.held_back.size:
            epochs = 1 + np.arange(curve.held_back.size)
            axes.plot(epochs, curve.held_back, color=NAIVE, lw=1.4, ls="--", label="held back")
            if np.isfinite(curve.held_back).any():
                best = int(np.nanargmin(curve.held_back))
                axes.plot(epochs[best], curve.held_back[best], color=NAIVE, marker="o", ms=5)
        axes.set_title(f"{curve.release}: {curve.stage}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel("mean loss")
        axes.grid(alpha=0.25)
    hide(figure, len(curves))
    legend(figure, *figure.axes)
    save(figure, path)
