"""A feed that falls silent on purpose."""

import gzip
from pathlib import Path

import numpy as np

from cli.demo.feed import with_silence
from producers.folder import read_folder
from producers.order import merge
from producers.ticks import gap_ticks

HOUR_MS = 3_600_000
START_MS = 1_700_006_400_000  # 2023-11-15T00:00:00Z


def _folder(path: Path) -> Path:
    path.mkdir()
    (path / "plants.csv").write_text(
        "plant_id,kind,capacity_kw,latitude,longitude,resolution_s\np,wind,100,,,900\n"
    )
    rows = [
        f"p,2023-11-15T{minute // 60:02d}:{minute % 60:02d}:00Z,{minute / 10}"
        for minute in range(0, 10 * 60, 15)
    ]
    with gzip.open(path / "telemetry.csv.gz", "wt") as file:
        file.write("\n".join(["plant_id,event_time,power_kw", *rows]) + "\n")
    return path


def test_what_a_silent_feed_measured_is_known_when_the_silence_is_over(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "whole")
    from_ms, to_ms = START_MS + 3 * HOUR_MS, START_MS + 5 * HOUR_MS
    silent = with_silence(folder, tmp_path / "silent", from_ms, to_ms)

    before, after = read_folder(folder, 1 << 60).telemetry, read_folder(silent, 1 << 60).telemetry

    assert sorted(after.event_time_ms) == sorted(before.event_time_ms)
    held = (after.event_time_ms > from_ms) & (after.event_time_ms <= to_ms)
    assert held.sum() == 8
    assert set(after.known_at_ms[held]) == {to_ms + 900_000}
    assert (after.known_at_ms[~held] == after.event_time_ms[~held]).all()


def test_time_goes_on_by_ticks_while_the_feed_is_silent(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "whole")
    from_ms, to_ms = START_MS + 3 * HOUR_MS, START_MS + 5 * HOUR_MS
    read = read_folder(with_silence(folder, tmp_path / "silent", from_ms, to_ms), 1 << 60)

    journal = merge(read, gap_ticks(read))

    ticks = journal.rows.event_time_ms[journal.rows.is_tick]
    np.testing.assert_array_equal(ticks, np.arange(from_ms + 900_000, to_ms + 1, 900_000))
