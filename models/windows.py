"""Intervals: which interval a scan belongs to, when its mean counts, and what the mean is.

A stamp is the *end* of what it measures, so an interval of length ``r`` that ends at ``e`` holds the scans
with ``e - r < event_time <= e``. Sums are kept in whole milliwatts: integer addition gives the same bits in
any order and in any batch split, which floating point does not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

MILLI_PER_KW: Final = 1_000_000
RESOLUTIONS_S: Final = (300, 600, 900, 1800, 3600)
ISSUES_S: Final = (*RESOLUTIONS_S, 7200, 10800, 21600, 43200, 86400)
LOOKED_AT: Final = 24  # newest intervals that the detectors look at: an issue must come before they are gone
SCAN_STEPS_S: Final = (1, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


def issues_within(issue_every_s: float, resolution_s: float) -> bool:
    """Whether a plant of a resolution can issue so seldom: no interval may pass unseen by the detectors."""
    return issue_every_s in ISSUES_S and issue_every_s <= LOOKED_AT * resolution_s


def to_milli(value: F8) -> I8:
    """Whole thousandths of a thousandth (kW to mW); NaN must be masked by the caller."""
    return np.rint(value * MILLI_PER_KW).astype(np.int64)


def interval_index(event_time_ms: I8, resolution_ms: I8 | int) -> I8:
    """Number of the interval that holds each stamp; it ends at ``(index + 1) * resolution``."""
    return (event_time_ms - 1) // resolution_ms


def enough_scans(count: NDArray[np.integer], resolution_s: I8 | int, scan_s: I8 | int) -> NDArray[np.bool_]:
    """Whether an interval has at least half of the scans that it should have."""
    return (count > 0) & (count * 2 * scan_s >= resolution_s)


def commonest_step_s(event_time_ms: I8) -> int:
    """Commonest positive step between neighbouring stamps of one plant, in seconds, rounded up to a usual
    scan step.

    Falls back to the longest usual step where there is no positive step at all.
    """
    steps = np.diff(event_time_ms)
    steps = steps[steps > 0]
    if steps.size == 0:
        return SCAN_STEPS_S[-1]
    usual = np.searchsorted(np.array(SCAN_STEPS_S) * 1000, steps)
    counts = np.bincount(np.minimum(usual, len(SCAN_STEPS_S) - 1))
    return SCAN_STEPS_S[int(counts.argmax())]


def resolution_for(scan_s: int) -> int:
    """The resolution of a plant whose registry gives none: its scan step rounded up to one of
    ``RESOLUTIONS_S``.
    """
    return next((r for r in RESOLUTIONS_S if r >= scan_s), RESOLUTIONS_S[-1])


def interval_means(event_time_ms: I8, power_kw: F8, resolution_s: int, scan_s: int) -> tuple[I8, F8]:
    """Mean power of each interval of one plant, on a grid without holes.

    The last value of a repeated stamp counts (a correction); NaN power is no scan.

    :param event_time_ms: stamps in the order of arrival, shape (n,)
    :param power_kw: scans [kW], NaN where missing, shape (n,)
    :returns: interval ends [ms], shape (m,), and means [kW], NaN where under half of the scans came, shape
        (m,)
    """
    given = np.isfinite(power_kw)
    order = np.argsort(event_time_ms[given], kind="stable")
    stamps, power = event_time_ms[given][order], power_kw[given][order]
    last = np.append(stamps[1:] != stamps[:-1], True)[: stamps.size]
    stamps, power = stamps[last], power[last]
    if stamps.size == 0:
        return np.empty(0, np.int64), np.empty(0)
    index = interval_index(stamps, resolution_s * 1000)
    place = index - index[0]
    sums = np.zeros(place[-1] + 1, np.int64)
    np.add.at(sums, place, to_milli(power))
    counts = np.bincount(place)
    ends = (np.arange(index[0], index[-1] + 1) + 1) * (resolution_s * 1000)
    means = (
        np.where(enough_scans(counts, resolution_s, scan_s), sums / np.maximum(counts, 1), np.nan)
        / MILLI_PER_KW
    )
    return ends, means
