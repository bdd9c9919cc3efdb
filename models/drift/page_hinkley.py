"""The test of Page and Hinkley over a whole window at once: where the mean of a series has changed.

As in `river`, without its forgetting: that package brings 55 MB into every worker, and a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable

LEAST_SEEN = 5


def last_change(steps: Iterable[float], tolerated: float, threshold: float, both_ways: bool) -> int:
    """The last place at which a change is noticed, -1 for none; behind each the test begins anew.

    `both_ways`: falls count as well as growth.
    """
    noticed, begins_anew = -1, True
    count, mean, up, down, lowest, highest = 0, 0.0, 0.0, 0.0, float("inf"), -1.0
    for place, step in enumerate(steps):
        if begins_anew:
            count, mean, up, down, lowest, highest = 0, 0.0, 0.0, 0.0, float("inf"), -1.0
        count += 1
        mean += (1.0 / count) * (step - mean)
        up = up + (step - mean) - tolerated
        down = down + (step - mean) + tolerated
        lowest, highest = min(lowest, up), max(highest, down)
        grown, fallen = up - lowest > threshold, highest - down > threshold
        begins_anew = count >= LEAST_SEEN and (grown or (both_ways and fallen))
        if begins_anew:
            noticed = place
    return noticed
