"""The learning curve by days of history: what is cut away, and what the page keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import curve_page, learning_curve
from benchmarks.history import lengths, shortened
from cli import backtest_run
from cli.main import run as run_command
from producers.folder import Folder
from tests.unit.benchmarks.worlds import DAY_MS, START_MS, folder, run, windy_days

FROM_MS = START_MS + 40 * DAY_MS


def world() -> Folder:
    power, runs = windy_days(50)
    neighbours = [run("b", r.published_at_ms, int(r.valid_at_ms[0]), np.full(48, 6.0)) for r in runs]
    return folder({"a": power, "b": power / 2}, [*runs, *neighbours])


def test_a_history_is_cut_to_its_days_and_the_future_is_left() -> None:
    whole = world()
    cut = shortened(whole, FROM_MS, 7, None)
    stamps = cut.telemetry.event_time_ms
    assert stamps.min() > FROM_MS - 7 * DAY_MS
    assert (stamps > FROM_MS).sum() == (whole.telemetry.event_time_ms > FROM_MS).sum()
    assert min(r.published_at_ms for r in cut.runs) == FROM_MS - 8 * DAY_MS


def test_a_newcomer_alone_has_a_short_history() -> None:
    whole = world()
    cut = shortened(whole, FROM_MS, 7, "b")
    rows = cut.telemetry
    assert (rows.plant == 0).sum() == (whole.telemetry.plant == 0).sum()
    assert rows.event_time_ms[rows.plant == 1].min() > FROM_MS - 7 * DAY_MS
    assert sum(r.plant_id == "a" for r in cut.runs) == 50
    assert sum(r.plant_id == "b" for r in cut.runs) == 50 - 32


def test_lengths_that_are_not_there_are_left_out() -> None:
    assert lengths(world(), FROM_MS, (7, 30, 40, 41, 365), None) == [7, 30, 40]


def curve(newcomer: str | None, nmae: float) -> dict[str, object]:
    row = {"days": 7, "horizons": {"1h": {"nmae": nmae, "pinball3": 2.0}}, "coverage": 0.8}
    about = {"folder": "made_up", "from_ms": FROM_MS, "to_ms": FROM_MS + DAY_MS, "fast": False, "plants": 2}
    return {**about, "newcomer": newcomer, "rows": [row]}


def test_a_curve_replaces_its_older_one_and_leaves_the_others(tmp_path: Path) -> None:
    learning_curve.keep(tmp_path, curve(None, 9.0))
    learning_curve.keep(tmp_path, curve("b", 8.0))
    text = curve_page.page(learning_curve.keep(tmp_path, curve(None, 7.0)))
    assert "| 7 | 7.00 | 2.00 | 80 % |" in text
    assert "| 7 | 8.00 | 2.00 | 80 % |" in text
    assert "9.00" not in text
    assert "--newcomer b" in text


def test_the_command_measures_each_length_and_writes_the_page_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page_file = tmp_path / "curve.md"
    told: list[tuple[int, bool]] = []

    def backtest(cut: Folder, *_: object) -> dict[str, object]:
        told.append((len(cut.telemetry), page_file.exists()))
        numbers = {"nmae": 100.0 / len(told), "pinball3": 1.0, "coverage": 0.8}
        return {"scores": {"all": numbers, "1h": numbers, "24h": numbers}}

    monkeypatch.setattr(backtest_run, "run", backtest)
    sample = str(Path(__file__).parents[3] / "samples" / "serf_east")
    arguments = [sample, "--from", "2016-08-10", "--to", "2016-08-12", "--days", "14,7,365"]
    files = ["--out", str(tmp_path), "--page", str(page_file)]
    assert run_command([*arguments, *files], learning_curve.command, "curve") == 0
    assert [seen for _, seen in told] == [False, True]
    assert told[0][0] < told[1][0]
    assert "| 7 | 100.00 | 100.00 | 1.00 | 1.00 | 80 % |" in page_file.read_text()
    assert "| 14 | 50.00 |" in page_file.read_text()
    capsys.readouterr()
    for wrong in (["--days", "0"], ["--days", "many"], ["--newcomer", "nobody"]):
        assert run_command([*arguments, *files, *wrong], learning_curve.command, "curve") == 2
    assert run_command([*arguments, *files, "--days", "365"], learning_curve.command, "curve") == 1
    assert "there are no 365 days of telemetry before --from" in capsys.readouterr().err
