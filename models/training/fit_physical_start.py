"""Measures the tables of the physical start on plants whose history is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from models.forecast.base import KNOTS, Floats
from models.forecast.physical_start import DIM_KW_M2, Signal, signal
from models.forecast.start_tables import Table
from models.training.dataset import PlantHistory

#: Places of each table, and how far around a place its neighbours still count (a triangle's half base).
PLACES: Final[dict[str, tuple[Floats, float]]] = {
    "wind": (np.arange(0.0, 19.0), 1.0),
    "sun": (np.linspace(0.0, 1.1, 12), 0.1),
    "cloud": (np.linspace(0.25, 1.0, 7), 0.125),
    "no_position": (np.linspace(0.0, 1.1, 12), 0.1),
}
LEAST_HOURS: Final = 60


def measure(name: str, pairs: Sequence[tuple[Floats, Floats]]) -> Table:
    """The table of a signal from what plants gave: for each plant its signal (n,) and power over scale (n,).

    Plants weigh the same. A place that too few hours are near of takes its nearest neighbour's quantiles;
    rising in the level and, as more wind or light never means less power, in the place.
    """
    places, reach = PLACES[name]
    known: dict[int, Floats] = {}
    for number, place in enumerate(places):
        values, weights = [], []
        for told, given in pairs:
            weight = np.maximum(1.0 - np.abs(told - place) / reach, 0.0)
            near = np.isfinite(given) & (weight > 0)
            if near.sum() >= LEAST_HOURS:
                values.append(given[near])
                weights.append(weight[near] / weight[near].sum())
        if values:
            known[number] = _quantiles(np.concatenate(values), np.concatenate(weights))
    nearest = [min(known, key=lambda k: abs(k - i)) for i in range(len(places))]
    filled = np.stack([known[k] for k in nearest])
    return Table(places, np.maximum.accumulate(np.round(filled, 3), axis=0))


def pairs(history: PlantHistory, name: str) -> tuple[Floats, Floats]:
    """Signal (n,) and power over scale (n,) of the hours of a plant's runs that have this signal."""
    told, given = [], []
    for one in _signals(history, name):
        bright = one.scale > DIM_KW_M2
        share = history.hourly_at(one.hours_ms, clean_only=True)
        told.append(one.at[bright])
        given.append((share[bright]) / one.scale[bright])
    return np.concatenate(told or [np.empty(0)]), np.concatenate(given or [np.empty(0)])


def _signals(history: PlantHistory, name: str) -> Iterator[Signal]:
    for run in history.runs:
        one = signal(history.plant, run)
        if one is not None and one.name == name:
            yield one


def _quantiles(values: Floats, weights: Floats) -> Floats:
    order = np.argsort(values)
    level = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
    return np.interp(KNOTS, level, values[order])
