"""First and last light of each day, as a solar plant's power shows it and as the sun of its position has it.

The middle between the two tells the clock and the longitude whichever way the panels face, for a panel that
faces east or west shifts its noon, but begins and ends with the light all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models import sun
from producers.findings.base import DAY_MS, Columns
from producers.table import Floats, Longs

#: Over this share of the plant's own highest, power is light; of 1 kW/m2, the clear sky's is.
_LIGHT: Final = 0.01
_LEAST_DAYS: Final = 7
#: The sun is looked up on so many days at the most.
_SUN_DAYS: Final = 120
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True)
class Light:
    """d days, i8[d] each: the end of the first and of the last interval with light, and the place of the
    first among the rows. `step_ms` is the length of an interval.
    """

    first_ms: Longs
    last_ms: Longs
    row_first: Longs
    step_ms: int

    def __len__(self) -> int:
        return len(self.first_ms)

    @property
    def noon_ms(self) -> Longs:
        """The middle of the light, as a time."""
        return (self.first_ms + self.last_ms - self.step_ms) // 2

    @property
    def length_ms(self) -> Longs:
        """From the first to the last light."""
        return self.last_ms - self.first_ms + self.step_ms


def of_power(columns: Columns) -> Light | None:
    """The light that the power shows, on days without a hole; None where it shows too little of it."""
    order = columns.order
    order = order[np.isfinite(columns.power_kw[order])]
    power, stamps = columns.power_kw[order], columns.stamp_ms[order]
    if not (power > 0).any():
        return None
    step_ms = columns.step_ms
    lit = power > _LIGHT * float(np.quantile(power[power > 0], 0.995))
    if lit.sum() < _LEAST_DAYS or lit.mean() > 0.9:
        return None
    day = _days(stamps - step_ms // 2, power)
    number, at, count = np.unique(day, return_index=True, return_counts=True)
    whole = count >= 0.9 * DAY_MS / step_ms
    first = np.full(len(number), -1)
    last = np.full(len(number), -1)
    for i in np.flatnonzero(whole):
        light = np.flatnonzero(lit[at[i] : at[i] + count[i]])
        if light.size > 1:
            first[i], last[i] = at[i] + light[0], at[i] + light[-1]
    good = first >= 0
    if good.sum() < _LEAST_DAYS:
        return None
    first, last = first[good], last[good]
    return Light(stamps[first], stamps[last], order[first], step_ms)


def of_sun(light: Light, latitude: float, longitude: float) -> tuple[Longs, Light] | None:
    """The days that were looked up (places in `light`) and their light under a clear sky; None where no day
    has both light and night.
    """
    days = np.unique(np.linspace(0, len(light) - 1, min(len(light), _SUN_DAYS)).astype(np.int64))
    step_ms = max(light.step_ms // 300_000, 1) * 300_000
    half = DAY_MS // 2
    middle = _nearest_noon(light.noon_ms[days], longitude)
    grid = np.arange(-half, half, step_ms) + step_ms
    ends = (middle[:, None] // step_ms * step_ms + grid).astype(np.int64)
    clear = sun.means(latitude, longitude, ends.ravel(), step_ms // 1000).clear.reshape(ends.shape)
    lit = clear > _LIGHT
    some = lit.any(axis=1) & ~lit.all(axis=1)
    if not some.any():
        return None
    days, ends, lit = days[some], ends[some], lit[some]
    pick = np.arange(len(days))
    first, last = lit.argmax(axis=1), lit.shape[1] - 1 - lit[:, ::-1].argmax(axis=1)
    # The sun's grid may be coarser or finer than the stamps': half of the difference keeps the middle.
    shift = (light.step_ms - step_ms) // 2
    sunlight = Light(
        ends[pick, first] + shift, ends[pick, last] + shift, light.row_first[days], light.step_ms
    )
    return days, sunlight


def usual(minutes: Floats) -> float:
    """The mean of the middle three fifths: cloudy days stand outside of it, and steps average out."""
    low, high = np.quantile(minutes, [0.2, 0.8])
    inside = (minutes >= low) & (minutes <= high)
    return float(minutes[inside].mean())


def minutes(length_ms: Longs) -> Floats:
    """Milliseconds as minutes."""
    return np.asarray(length_ms / _MINUTE_MS, np.float64)


def _days(middle_ms: Longs, power: Floats) -> Longs:
    """The number of each row's day, cut where it is night: twelve hours from where the energy is centred."""
    angle = middle_ms % DAY_MS / DAY_MS * 2 * np.pi
    weight = np.maximum(power, 0)
    noon = np.angle(np.sum(weight * np.exp(1j * angle))) / (2 * np.pi) * DAY_MS
    return (middle_ms - int(noon) + DAY_MS // 2) // DAY_MS


def _nearest_noon(near_ms: Longs, longitude: float) -> Longs:
    """The sun's mean noon at a longitude that is nearest to each time."""
    noon = int((12 - longitude / 15) * 3_600_000)
    return np.asarray(noon + np.rint((near_ms - noon) / DAY_MS).astype(np.int64) * DAY_MS, np.int64)
