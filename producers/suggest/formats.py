"""How stamps are written, told from the cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from producers.table import NO_VALUE

_DATES: Final = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%y", "%d-%b-%Y", "%Y%m%d")
_TIMES: Final = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", "%H%M", " %H:%M:%S.%f")
_TRIED: Final = 500
_EPOCH: Final = datetime(1970, 1, 1)


def format_of(cells: pa.Array) -> str | None:
    """What `--time-format` reads every stamp of a column; "" for ISO 8601, None where nothing does."""
    texts = _some(cells)
    if not texts:
        return None
    if _steps(texts, None) is not None:
        return ""
    found = {
        date + time: steps
        for date in _DATES
        for time in _TIMES
        if (steps := _steps(texts, date + time)) is not None
    }
    # Of day and month in either order the right one lets the stamps go on evenly.
    return min(found, key=lambda form: found[form], default=None)


def _steps(texts: Sequence[str], form: str | None) -> float | None:
    """How far the stamps go from one to the next in all, in seconds; None where one cannot be read."""
    try:
        read = [datetime.fromisoformat(t) if form is None else datetime.strptime(t, form) for t in texts]
    except ValueError:
        return None
    seconds = np.array([(moment.replace(tzinfo=None) - _EPOCH).total_seconds() for moment in read])
    return float(np.abs(np.diff(seconds)).sum())


def _some(cells: pa.Array) -> list[str]:
    """Cells from the whole column: a day over the 12th may come late in it."""
    distinct = [text for text in cells.unique().to_pylist() if text not in NO_VALUE]
    return distinct[:: max(len(distinct) // _TRIED, 1)]
