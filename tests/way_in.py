"""The file that docs/your-plant.md speaks of: a wind farm's export in local time, up to now, as a SCADA
system writes it. Power is that of La Haute Borne in the wind that `tests/weather_server.py` gives for each
hour. `python -m tests.way_in ridge.csv` writes it for readers of the page.
"""

from __future__ import annotations

import csv
import gzip
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.weather_server import ROOT, recorded

PARIS = ZoneInfo("Europe/Paris")
LATITUDE, LONGITUDE = 48.4523, 5.5875
SAMPLE = ROOT / "samples" / "la_haute_borne"
DAYS = 90
STEP = timedelta(minutes=10)


def write_export(path: Path, now: datetime) -> None:
    """Ten-minute means in W, stamped at their start, with `;` and decimal commas."""
    scans = _scans()
    last_hour = int(now.timestamp()) // 3600
    with path.open("w", newline="") as file:
        rows = csv.writer(file, delimiter=";", lineterminator="\n")
        rows.writerow(["Horodatage", "Puissance", "Vent"])
        for hour in range(last_hour - DAYS * 24 + 1, last_hour + 2):
            begin = datetime.fromtimestamp((hour - 1) * 3600, UTC)
            for part, (power_kw, wind_ms) in enumerate(scans[_row(hour)]):
                if begin + (part + 1) * STEP > now:
                    break
                local = (begin + part * STEP).astimezone(PARIS)
                rows.writerow([f"{local:%d/%m/%Y %H:%M}", _comma(power_kw * 1000.0, 0), _comma(wind_ms, 2)])


def _comma(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}".replace(".", ",")


def _row(hour: int) -> int:
    """Which row of the sample's weather the server gives for an hour here."""
    place = round(LATITUDE * 100) + round(LONGITUDE * 10)
    return (hour + 37 * place) % len(recorded("la_haute_borne", "wind_speed_100m_ms"))


def _scans() -> list[list[tuple[float, float | None]]]:
    """The six scans of the hour that each row of the sample's weather is of; the nearest where some are
    missing.
    """
    with gzip.open(SAMPLE / "telemetry.csv.gz", "rt") as file:
        told = {row["event_time"]: row for row in csv.DictReader(file)}
    with gzip.open(SAMPLE / "weather.csv.gz", "rt") as file:
        ends = [datetime.fromisoformat(row["valid_at"]) for row in csv.DictReader(file)]
    made: list[list[tuple[float, float | None]]] = []
    for end in ends:
        rows = [told.get(f"{end - (5 - part) * STEP:%Y-%m-%dT%H:%M:%SZ}") for part in range(6)]
        known = [
            (float(row["power_kw"]), float(row["wind_speed_ms"]) if row["wind_speed_ms"] else None)
            for row in rows
            if row is not None and row["power_kw"]
        ]
        made.append((known * 6)[:6] if known else (made[-1] if made else [(0.0, None)] * 6))
    return made


if __name__ == "__main__":
    write_export(Path(sys.argv[1]), datetime.now(UTC))
