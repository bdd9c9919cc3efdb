"""Small canonical folders for tests."""

from __future__ import annotations

from pathlib import Path

NOW_MS = 1_750_000_000_000

PLANTS = "plant_id,kind,capacity_kw,latitude,longitude,resolution_s\nw1,wind,1000,50.0,8.0,600\n"
TELEMETRY = (
    "plant_id,event_time,power_kw\n"
    "w1,2024-01-01T00:10:00Z,100\nw1,2024-01-01T00:20:00Z,110\nw1,2024-01-01T00:30:00Z,120\n"
)


def write(folder: Path, **files: str) -> Path:
    """A folder with the files `name="text"`; `plants` and `telemetry` are there unless given as ""."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ({"plants": PLANTS, "telemetry": TELEMETRY} | files).items():
        if text:
            (folder / f"{name}.csv").write_text(text)
    return folder


def telemetry(*rows: str, header: str = "plant_id,event_time,power_kw") -> str:
    """A telemetry file of plant w1; each row is `time,values`, the time within 2024-01-01."""
    return "\n".join([header, *(f"w1,2024-01-01T{row}" for row in rows)]) + "\n"
