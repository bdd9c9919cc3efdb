"""Which intervals of a plant's past were the weather's doing, and what it was where not; training learns from
the former alone.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import Flags, Floats, Ints
from models.training import repeats, scale, standing
from models.training.nearby import Nearby, nothing
from schemas.records import PlantVersion

CURTAILED_UNDER = 0.98  # setpoint, share of capacity
BOUND_SLACK = 0.05  # share under the setpoint that is still held by it
ALWAYS_LIMITED = 0.5  # part of the record

Causes = NDArray[np.int8]


class Cause(IntEnum):
    """What an interval's power was the doing of; of several the most certain one counts."""

    WEATHER = 0
    CURTAILED = 1  # by a setpoint
    STUCK = 2  # the meter repeats a value
    INTERPOLATED = 3  # a gap was drawn over
    OUTAGE = 4
    OFF_SCALE = 5  # a wrong unit or factor
    SHIFTED = 6  # another level than the plant has now


def causes(plant: PlantVersion, end_ms: Ints, share: Floats, near: Nearby) -> Causes:
    """A `Cause` for each interval (n,) on a grid without holes; missing power is the weather's.

    `share` is power over the capacity that held at the time. What cannot be told from what is known nearby is
    the weather's too.
    """
    made = np.zeros(len(share), np.int8)
    if not len(share):
        return made
    step_ms, known = plant.resolution_s * 1000, np.isfinite(share)
    stuck, drawn = repeats.stuck(share, step_ms), repeats.interpolated(share, step_ms)
    curtailed = _curtailed(plant, share, near.setpoint_kw)
    refused = scale.refused_around(end_ms, near.refused)
    sound = known & ~(stuck | drawn | curtailed | refused)
    expectation = scale.expect(plant, end_ms, share, near, sound)
    outage = standing.out(plant, end_ms, share, near, expectation.share)
    whispers = scale.whispers(share, expectation.share, standing.still(share) & sound, step_ms)
    sound &= ~(outage | whispers)
    off, shifted = scale.off_scale_and_shifted(plant, end_ms, share, expectation, sound)
    # The least specific first: the others overwrite it.
    told = (
        (Cause.SHIFTED, shifted),
        (Cause.OFF_SCALE, off | refused),
        (Cause.OUTAGE, outage),
        (Cause.OFF_SCALE, whispers),
        (Cause.INTERPOLATED, drawn),
        (Cause.STUCK, stuck),
        (Cause.CURTAILED, curtailed),
    )
    for cause, flag in told:
        made[flag & known] = cause
    return made


def clean(plant: PlantVersion, end_ms: Ints, share: Floats, setpoint_kw: Floats, wind_ms: Floats) -> Flags:
    """Whether each interval (n,) was the weather's doing, where a setpoint and the wind are all that is
    known.
    """
    unknown = nothing(len(share))
    near = replace(unknown, setpoint_kw=setpoint_kw, wind_ms=wind_ms)
    return np.asarray(causes(plant, end_ms, share, near) == Cause.WEATHER)


def counts(found: Causes) -> dict[str, int]:
    """Intervals by cause, those of the weather left out; for manifests and people."""
    return {
        cause.name.lower(): int((found == cause).sum())
        for cause in Cause
        if cause is not Cause.WEATHER and (found == cause).any()
    }


def _curtailed(plant: PlantVersion, share: Floats, setpoint_kw: Floats) -> Flags:
    """Every interval under a limit, for those that it does not bind were the weaker ones: to keep them alone
    would teach that the plant is weak. A plant that is mostly limited keeps what is well under the limit, or
    nothing would be left.
    """
    limit = setpoint_kw / plant.capacity_kw
    with np.errstate(invalid="ignore"):
        limited = limit < CURTAILED_UNDER
        if limited.mean() <= ALWAYS_LIMITED:
            return np.asarray(limited)
        return np.asarray(limited & (share >= limit - BOUND_SLACK))
