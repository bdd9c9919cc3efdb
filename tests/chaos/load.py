"""What flows: measured plants of the samples under several names, one of them silent for days."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

SAMPLES = Path(__file__).parents[2] / "samples"
SILENT_SHARE = (0.35, 0.6)
DISORDER_EVERY = 97
REPEAT_EVERY = 211


@dataclass(frozen=True)
class Park:
    """Copies of one sample plant. `days`: how much of it is played."""

    sample: str
    copies: int
    days: int

    def write(self, folder: Path) -> Path:
        """The canonical folder: disordered here and there, some rows twice, the last copy silent for days."""
        folder.mkdir(parents=True)
        plants = self._table("plants.csv")
        plant_id = str(plants["plant_id"].iloc[0])
        names = [f"{plant_id}-{number}" for number in range(self.copies)]
        _write(plants, names, folder / "plants.csv")
        telemetry = self._table("telemetry.csv.gz")
        stamps = pd.to_datetime(telemetry["event_time"], utc=True)
        first = stamps.min()
        end = first + pd.Timedelta(days=self.days)
        telemetry = _untidy(telemetry[stamps < end])
        silent = _silent(telemetry, first, self.days)
        parts = [telemetry.assign(plant_id=name) for name in names[:-1]]
        together = pd.concat([*parts, silent.assign(plant_id=names[-1])])
        together.to_csv(folder / "telemetry.csv.gz", index=False)
        weather = self._table("weather.csv.gz")
        published = pd.to_datetime(weather["published_at"], utc=True)
        _write(weather[published < end], names, folder / "weather.csv.gz")
        if (SAMPLES / self.sample / "units.csv.gz").exists():
            units = self._table("units.csv.gz")
            seen = units[pd.to_datetime(units["event_time"], utc=True) < end]
            _write(seen, names[:1], folder / "units.csv.gz")
        return folder

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(SAMPLES / self.sample / name, dtype={"unit_id": str})


def _write(table: pd.DataFrame, names: list[str], path: Path) -> None:
    pd.concat([table.assign(plant_id=name) for name in names]).to_csv(path, index=False)


def _untidy(telemetry: pd.DataFrame) -> pd.DataFrame:
    """Some rows come one place late, some come twice: the order of the rows is that of their arrival."""
    order: list[int] = []
    for row in range(len(telemetry)):
        order.append(row)
        if row % DISORDER_EVERY == DISORDER_EVERY - 1:
            order[-2], order[-1] = order[-1], order[-2]
        if row % REPEAT_EVERY == REPEAT_EVERY - 1:
            order.append(row)
    return telemetry.iloc[order]


def _silent(telemetry: pd.DataFrame, first: pd.Timestamp, days: int) -> pd.DataFrame:
    share = (pd.to_datetime(telemetry["event_time"], utc=True) - first) / pd.Timedelta(days=days)
    return telemetry[(share < SILENT_SHARE[0]) | (share > SILENT_SHARE[1])]
