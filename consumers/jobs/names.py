"""Names of the kinds of jobs. What a kind does is handed to the runner by `cli/job_kinds.py`."""

from __future__ import annotations

from typing import Final

TRAIN: Final = "train"
FORECASTS: Final = "forecasts"
#: Kinds of which one job runs at a time, whatever room there is.
ALONE: Final = frozenset({TRAIN})
