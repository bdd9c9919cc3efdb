"""A sample folder as a stranger would have it: local time, stamps at the start, W, other names."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[3]
WIND = ROOT / "samples" / "la_haute_borne"
ZONE = "Europe/Paris"
#: A week on either side of 26 October 2014, when the clocks went back.
FROM, TO = "2014-10-20T00:00:00Z", "2014-11-02T00:00:00Z"
NAMES = {"event_time": "Zeitpunkt", "power_kw": "Leistung", "wind_speed_ms": "Wind", "temperature_c": "T"}
MAPS = [f"--map={new}={old}" for old, new in NAMES.items()]
GUESSES = ["--timezone", ZONE, "--stamp", "start", "--unit", "W", *MAPS]


def canonical(folder: Path) -> Path:
    """Two weeks of the wind sample, as the project keeps its folders."""
    folder.mkdir()
    (folder / "plants.csv").write_bytes((WIND / "plants.csv").read_bytes())
    for name, column in (("telemetry", "event_time"), ("units", "event_time"), ("weather", "published_at")):
        frame = pd.read_csv(WIND / f"{name}.csv.gz", dtype=str, keep_default_na=False)
        kept = frame[(frame[column] >= FROM) & (frame[column] < TO)]
        text = kept.to_csv(index=False, lineterminator="\n").encode()
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text, 9, mtime=0))
    return folder


def foreign(folder: Path, stem: str = "telemetry", units: str = "power_kw") -> pd.DataFrame:
    """A table of a canonical folder with the stranger's clock, unit and names."""
    frame = pd.read_csv(folder / f"{stem}.csv.gz")
    ends = pd.to_datetime(frame["event_time"])
    frame["event_time"] = (ends - pd.Timedelta("10min")).dt.tz_convert(ZONE).dt.tz_localize(None)
    frame[units] = (frame[units] * 1000).round(3)
    return frame.rename(columns=NAMES)


def german_csv(frame: pd.DataFrame, path: Path) -> None:
    """As an office writes it: semicolons, decimal commas."""
    frame.to_csv(path, sep=";", decimal=",", index=False, date_format="%Y-%m-%d %H:%M:%S")


def same_files(left: Path, right: Path) -> None:
    """Raises where two folders do not hold the same files with the same text."""
    assert sorted(p.name for p in left.iterdir()) == sorted(p.name for p in right.iterdir())
    for path in left.iterdir():
        assert _lines(path) == _lines(right / path.name), path.name


def _lines(path: Path) -> list[str]:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
