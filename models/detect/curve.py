"""A power curve learned in place: mean power for each bin of wind speed, or of irradiance in the plane.

The mean of a bin weighs its values equally up to `MEMORY` of them and forgets slowly from then on, so a
lasting change of the plant becomes the new normal within months.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.detect.view import F8, I8, Bools, at_places

BINS: Final = 26
WIND_BIN_MS: Final = 1.0
IRRADIANCE_BIN_W_M2: Final = 50.0
MEMORY: Final = 500
ENOUGH: Final = 12


def bin_of(wind_speed_ms: F8, poa_w_m2: F8, is_solar: Bools) -> I8:
    """Bin of what drives this kind of plant, -1 where there is no usable value; arguments broadcast."""
    driver = np.where(is_solar, poa_w_m2 / IRRADIANCE_BIN_W_M2, wind_speed_ms / WIND_BIN_MS)
    usable = (driver >= 0) & (driver < BINS)
    return np.where(usable, driver, -1).astype(np.int64)


def expect(mean_kw: NDArray[Any], count: NDArray[Any], bins: I8) -> F8:
    """Power that the curve says [kW], NaN in bins that are unknown or hardly seen.

    :param mean_kw: shape (..., BINS)
    :param bins: shape (...,)
    """
    at = np.maximum(bins, 0)[..., None]
    known = (bins >= 0) & (at_places(count, at)[..., 0] >= ENOUGH)
    return np.where(known, at_places(mean_kw, at)[..., 0].astype(np.float64), np.nan)


def learn(mean_kw: NDArray[Any], count: NDArray[Any], bins: I8, power_kw: F8, where: Bools) -> None:
    """Take one value into each curve in place, where told and where the driver is known."""
    at = np.nonzero(where & (bins >= 0) & np.isfinite(power_kw))
    place = (*at, bins[at])
    seen = np.minimum(count[place] + 1, MEMORY)
    count[place] = seen
    mean_kw[place] += (power_kw[at] - mean_kw[place]) / seen
