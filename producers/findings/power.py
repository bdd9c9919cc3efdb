"""Power against the capacity: a wrong unit, a capacity passed or never reached, rows out of range."""

from __future__ import annotations

from typing import Final

import numpy as np

from models import sun
from models.validate import HIGHEST_SHARE, LOWEST_SHARE
from producers.findings.base import Columns, Found, Weight, by_share, percent

#: The share of capacity that is reached for an hour or two in a month of wind, or on one clear noon in ten.
_W, _MW = 20.0, 0.02
_PASSED: Final = 1.1
_FAR_FROM: Final = 0.3
_HALF: Final = 0.6
_HALF_OF_CLEAR: Final = 0.5
_LEAST_DAYS: Final = 30
_MANY_DAYS: Final = 300


def wrong_power(columns: Columns) -> Found:
    """The first that fits: power in W, in MW, over the capacity, or far from it."""
    known = columns.known
    if not known.size or not (known > 0).any():
        return
    top = float(np.quantile(known[known > 0], 0.99))
    row = columns.at(int(np.nanargmax(columns.share)))
    of = f"the capacity of {columns.plant.capacity_kw:g} kW"
    beyond = float((known > HIGHEST_SHARE).mean())
    if top > _W:
        what = f"power is {top:.4g} times {of}: it looks like W"
        yield columns.finding(
            "unit", Weight.MUCH, what, "say --unit W, or mend capacity_kw", row, share=beyond
        )
    elif top > _PASSED:
        refused = f"{percent(beyond)} of the rows are over 120% and will be refused"
        what = f"power reaches {top:.0%} of {of}; {refused}"
        do = f"mend capacity_kw (at least {top * columns.plant.capacity_kw:.3g}), or say --unit"
        yield columns.finding("capacity", by_share(beyond, 0, 0.005), what, do, row, share=beyond)
    elif beyond:
        what = (
            f"{int((known > HIGHEST_SHARE).sum())} rows are over 120% of {of} and will be refused, this most"
        )
        weight = by_share(beyond, 0.005, 0.05)
        yield columns.finding("range", weight, what, "empty these cells", row, share=beyond)
    elif known.max() < _MW and columns.days >= 1:
        what = f"power never comes over {percent(float(known.max()))} of {of}: it looks like MW"
        yield columns.finding("unit", Weight.MUCH, what, "say --unit MW, or mend capacity_kw", row, share=1.0)
    else:
        yield from _never_reached(columns, row, of)


def below(columns: Columns) -> Found:
    """Rows under what is accepted of own consumption, and own consumption itself."""
    known = columns.known
    low, negative = float((known < LOWEST_SHARE).mean()) if known.size else 0.0, known < 0
    if not negative.any():
        return
    row = columns.at(int(np.nanargmin(columns.share)))
    share = float(negative.mean())
    least = float(known.min())
    when = "by night" if columns.is_solar else "in calm wind"
    if share > 0.5 and (known > 0.01).mean() < 0.05 and least < -0.02:
        what = f"{percent(share)} of the rows are negative: the sign looks turned"
        do = "turn the sign: produced power is positive"
        yield columns.finding("sign", Weight.MUCH, what, do, row, share=share)
    elif low:
        what = f"{int((known < LOWEST_SHARE).sum())} rows are under -5% of the capacity and will be refused"
        do = "empty these cells, or look at the sign"
        yield columns.finding("range", by_share(low, 0.005, 0.05), what, do, row, share=low)
    else:
        told = f"{percent(share)} of the rows are negative, down to {least * 100:.2g}% of the capacity"
        what = f"{told}: own consumption {when}"
        weight = Weight.LITTLE if least > -0.02 else Weight.SOME
        least_kw = least * columns.plant.capacity_kw
        do = f"nothing where the meter shows it; min_kw = {least_kw:.3g} would say it"
        yield columns.finding("negative", weight, what, do, row, share=share)


def _never_reached(columns: Columns, row: int, of: str) -> Found:
    if columns.days < _LEAST_DAYS:
        return
    top = float(np.quantile(columns.known, 0.9995))
    expected = _expected(columns)
    if expected is None or top >= expected:
        return
    weight = Weight.MUCH if top < expected * _FAR_FROM / _HALF else Weight.SOME
    what = f"in {columns.days:.0f} days power never comes over {top:.0%} of {of}"
    do = "look whether capacity_kw is too large, or the unit another; nothing where the plant is held down"
    yield columns.finding("capacity", weight, what, do, row, share=top, of="capacity")


def _expected(columns: Columns) -> float | None:
    """What a right capacity is expected to be reached up to; None where nothing can be expected."""
    plant = columns.plant
    if not columns.is_solar:
        return _HALF
    if plant.latitude is None or plant.longitude is None:
        return _HALF_OF_CLEAR if columns.days >= _MANY_DAYS else _HALF_OF_CLEAR / 2
    noon = columns.stamp_ms[np.isfinite(columns.power_kw)]
    clear = sun.means(plant.latitude, plant.longitude, noon, columns.step_ms // 1000).clear
    return _HALF_OF_CLEAR * float(np.quantile(clear, 0.9995))
