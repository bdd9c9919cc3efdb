"""Wind at a height between two others."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from producers.weather.answers import Floats

_LOW_M, _WANTED_M, _HIGH_M = 80.0, 100.0, 120.0
#: Where 100 m lies between 80 and 120 m on a logarithmic axis: the power law is a line there.
_SHARE: Final = math.log(_WANTED_M / _LOW_M) / math.log(_HIGH_M / _LOW_M)
_LOW, _WANTED, _HIGH = "80m", "100m", "120m"


def with_wind_at_100m(columns: dict[str, Floats]) -> dict[str, Floats]:
    """The columns with wind at 100 m, made of 80 and 120 m where the source gives none.

    Speed by the power law through both heights; direction turns evenly with the logarithm of the height.
    Directions at 80 and 120 m are left out: they say hardly more than that at 100 m. The speeds stand in the
    order of their heights.
    """
    made = dict(columns)
    low, high = made.get(f"wind_speed_{_LOW}_ms"), made.get(f"wind_speed_{_HIGH}_ms")
    if f"wind_speed_{_WANTED}_ms" not in made and low is not None and high is not None:
        made[f"wind_speed_{_WANTED}_ms"] = _speed(low, high)
    low, high = (made.pop(f"wind_direction_{name}_deg", None) for name in (_LOW, _HIGH))
    if f"wind_direction_{_WANTED}_deg" not in made and low is not None and high is not None:
        made[f"wind_direction_{_WANTED}_deg"] = _direction(low, high)
    return {name: made[name] for name in sorted(made, key=_order)}


def _speed(low: Floats, high: Floats) -> Floats:
    calm = np.minimum(low, high) < 0.1  # m/s; the law's exponent means nothing there
    ratio = np.maximum(high, 0.1) / np.maximum(low, 0.1)
    return np.where(calm, low + _SHARE * (high - low), low * ratio**_SHARE)


def _direction(low: Floats, high: Floats) -> Floats:
    turned = (high - low + 180.0) % 360.0 - 180.0
    return np.asarray((low + _SHARE * turned) % 360.0)


def _order(name: str) -> tuple[str, int]:
    height = "".join(letter for letter in name if letter.isdigit()) if name.startswith("wind_speed_") else ""
    return name if not height else "wind_speed_", int(height or 0)
