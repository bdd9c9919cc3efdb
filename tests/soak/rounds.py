"""The wind sample as a folder of many plants, again and again: each round goes on where the last one was."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "samples" / "la_haute_borne"
#: More than the sample's days and the hours that its last weather run looks ahead.
ROUND_DAYS = 104
TIMES = {"telemetry.csv.gz": (1,), "weather.csv.gz": (2, 3)}


def plant_ids(count: int) -> list[str]:
    return [f"soak-{number:03d}" for number in range(count)]


def write_round(folder: Path, number: int, plants: int) -> int:
    """A canonical folder with the sample's records of every plant, moved in time; returns telemetry rows."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = plant_ids(plants)
    with (SAMPLE / "plants.csv").open() as file:
        head, row = (line.rstrip("\n") for line in list(file)[:2])
    rest = row.split(",", 1)[1]
    lines = [f"{head},issue_every_s", *(f"{plant_id},{rest},3600" for plant_id in ids)]
    (folder / "plants.csv").write_text("\n".join(lines) + "\n")
    written = {name: _write(folder / name, columns, number, ids) for name, columns in TIMES.items()}
    return written["telemetry.csv.gz"]


def _write(path: Path, columns: tuple[int, ...], number: int, ids: list[str]) -> int:
    """Each row of the sample for every plant, side by side in time."""
    shift = timedelta(days=ROUND_DAYS * number)
    with gzip.open(SAMPLE / path.name, "rt", newline="") as file:
        head, *rows = csv.reader(file)
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write(",".join(head) + "\n")
        for row in rows:
            for column in columns:
                moved = datetime.fromisoformat(row[column].replace("Z", "+00:00")) + shift
                row[column] = moved.isoformat().replace("+00:00", "Z")
            rest = ",".join(row[1:])
            out.writelines(f"{plant_id},{rest}\n" for plant_id in ids)
    return len(rows) * len(ids)
