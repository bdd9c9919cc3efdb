"""Runs of true values in a series, which most faults of telemetry are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.forecast.base import Flags


def spans(flag: Flags) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of true values, end excluded."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flag, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def in_long_run(flag: Flags, least: int, lead_in: int = 0) -> Flags:
    """Elements of runs of at least `least` true ones, with `lead_in` elements before each run."""
    found = np.zeros(len(flag), np.bool_)
    for start, end in spans(flag):
        if end - start >= least:
            found[max(start - lead_in, 0) : end] = True
    return found


def around(core: Flags, wider: Flags) -> Flags:
    """Elements of the runs of `wider` that hold at least one element of `core`."""
    found = np.zeros(len(core), np.bool_)
    for start, end in spans(wider):
        if core[start:end].any():
            found[start:end] = True
    return found
