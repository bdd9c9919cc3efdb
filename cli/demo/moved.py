"""Samples whose plants stand in another year: every value as it was measured, every stamp moved alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from cli.demo.plan import SAMPLES

_STAMPS: Final = ("event_time", "published_at", "valid_at")


@dataclass(frozen=True)
class Cast:
    """A sample, and the moment of its own that is shown."""

    folder: str
    plant_id: str
    then: datetime


def moved(cast: Cast, moment: datetime, to: Path) -> Path:
    """The sample's folder with `cast.then` at `moment`: every stamp moved, and nothing else."""
    folder, partial = to / cast.folder, to / f".{cast.folder}"
    partial.mkdir(parents=True, exist_ok=True)
    for path in sorted((SAMPLES / cast.folder).glob("*.csv*")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        for name in set(_STAMPS) & set(table.columns):
            times = pd.to_datetime(table[name], utc=True) + (moment - cast.then)
            table[name] = times.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        table.to_csv(partial / path.name, index=False)
    return partial.rename(folder)  # whole or not there: a kill in between leaves no half of a history


def same_season(cast: Cast, now: datetime) -> datetime | None:
    """The sample's own moment whose sun is that of `now`; None where its days hold none with two weeks before
    and a day after it.
    """
    first, last = _span(cast.folder)
    for year in range(first.year, last.year + 1):
        day = min(now.day, 28) if now.month == 2 else now.day
        then = now.replace(year=year, day=day)
        if first + timedelta(days=14) <= then <= last - timedelta(days=1):
            return then
    return None


def _span(folder: str) -> tuple[datetime, datetime]:
    times = pd.read_csv(SAMPLES / folder / "telemetry.csv.gz", usecols=["event_time"])["event_time"]
    first, last = (datetime.fromisoformat(text).astimezone(UTC) for text in (times.min(), times.max()))
    return first, last
