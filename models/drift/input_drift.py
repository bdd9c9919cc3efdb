"""An input is no longer what the release was trained on: Kolmogorov-Smirnov with an effect that matters.

Hours of weather are not independent and seasons pass, so any two weeks differ "significantly". A week
counts as changed only when its distribution is far from the reference and either lies largely outside of
what training saw (another unit, another season than any in training) or hardly varies any more (a dead
column).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.drift.finding import Finding

F8 = NDArray[np.float64]

LEAST_VALUES: Final = 48
FAR: Final = 0.4
OUTSIDE_SHARE: Final = 0.4
USUAL_RANGE: Final = (0.01, 0.99)
SPREAD_RANGE: Final = (0.1, 0.9)
DEAD_SPREAD: Final = 0.05


def look(reference: Mapping[str, F8], newest: Mapping[str, F8]) -> Finding | None:
    """The input that has changed most, if any has.

    :param reference: values of each input at the time of training, shape (n,)
    :param newest: values of the newest week, shape (m,); inputs that are in one of the two only are passed
        over
    """
    changed = [
        f for name in sorted(newest) if (f := look_at(name, reference.get(name), newest[name])) is not None
    ]
    if not changed:
        return None
    worst = max(changed, key=lambda finding: finding.statistic)
    others = len(changed) - 1
    if not others:
        return worst
    sentence = f"{worst.sentence}; {others} more input{'s' if others > 1 else ''} changed"
    return Finding(
        worst.detector, worst.subject, worst.statistic, worst.p_value, worst.before, worst.after, sentence
    )


def look_at(name: str, reference: F8 | None, newest: F8) -> Finding | None:
    """One input's newest week against its reference; NaN is left out."""
    if reference is None:
        return None
    old, new = reference[np.isfinite(reference)], newest[np.isfinite(newest)]
    if old.size < LEAST_VALUES or new.size < LEAST_VALUES or _distance(old, new) < FAR:
        return None
    outside, dead = _outside(old, new), _spread(new) <= DEAD_SPREAD * _spread(old)
    if outside < OUTSIDE_SHARE and not dead:
        return None
    from scipy.stats import ks_2samp  # 45 MB, for the rare change

    test = ks_2samp(old, new, method="asymp")
    before, after = float(old.mean()), float(new.mean())
    why = "hardly varies" if dead else f"is {outside:.0%} outside of what training saw"
    sentence = f"input {name} {why} (mean {after:.4g}, {before:.4g} in training)"
    return Finding("ks_2samp", name, float(test.statistic), float(test.pvalue), before, after, sentence)


def _distance(old: F8, new: F8) -> float:
    """Largest distance of the two empirical distributions; cheap, so scipy is asked only when it matters."""
    both = np.concatenate([old, new])
    old_below = np.searchsorted(np.sort(old), both, side="right") / old.size
    new_below = np.searchsorted(np.sort(new), both, side="right") / new.size
    return float(np.abs(old_below - new_below).max())


def _outside(old: F8, new: F8) -> float:
    low, high = np.quantile(old, USUAL_RANGE)
    return float(((new < low) | (new > high)).mean())


def _spread(values: F8) -> float:
    low, high = np.quantile(values, SPREAD_RANGE)
    return float(high - low)
