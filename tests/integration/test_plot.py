"""`gridcast plot` draws what PostgreSQL holds."""

import json
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cli.main import run
from consumers.chart_data import read_charts
from consumers.digest import TimeRange
from consumers.pictures import MOST_PLANTS, make_pictures
from consumers.skill import skill
from infra.postgres import transaction
from infra.settings import Settings
from schemas.errors import InputError
from tests.integration.sink_help import send, sink_all
from tests.output_records import QUARTER_MS, T0_MS, forecast, plant, release, scan

DAY_STEPS = 96
PNG = b"\x89PNG"


def fill(settings: Settings) -> None:
    """Two days of two plants; every forecast says 120 kW at the median, and it is 100 kW all the time."""
    plants = [plant("a", timezone="Europe/Paris"), plant("b", kind="solar", longitude=-105.2)]
    scans = [scan(name, step) for step in range(2 * DAY_STEPS) for name in "ab"]
    scans.append(scan("a", 40, 140.0, known_at=T0_MS + 41 * QUARTER_MS))
    forecasts = [forecast(name, step, 120.0, steps=24) for step in range(0, DAY_STEPS, 4) for name in "ab"]
    send(settings, ("PlantVersion", plants), ("Telemetry", scans), ("Forecast", forecasts))
    sink_all(settings)


def test_pictures_of_what_the_tables_hold(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    fill(settings)
    with transaction(settings) as cursor:
        charts = read_charts(cursor, (), TimeRange())
        (one,) = read_charts(cursor, ["b"], TimeRange(T0_MS, T0_MS + 8 * QUARTER_MS), T0_MS + 5 * QUARTER_MS)
        with pytest.raises(InputError, match="no forecasts of nowhere"):
            read_charts(cursor, ["nowhere"], TimeRange())
    assert [chart.plant.plant_id for chart in charts] == ["a", "b"]
    assert charts[0].zone == ZoneInfo("Europe/Paris")
    assert charts[1].zone_name == "local time by longitude, UTC-07:00"
    assert charts[0].zone is not UTC
    scores = {s.lead_s: s for s in skill("a", charts[0].steps, charts[0].measured)}
    assert scores[900].nmae == pytest.approx(2.0)
    assert scores[3600].nmae == pytest.approx((23 * 20 + 20) / 24 / 10)  # the correction is as far off
    fan = charts[0].fan
    assert fan is not None
    assert fan.issued_ms == (T0_MS + 92 * QUARTER_MS) // 21_600_000 * 21_600_000
    np.testing.assert_array_equal(fan.at(0.9), np.full(24, 130.0))
    assert one.fan is not None
    assert one.fan.issued_ms == T0_MS + 4 * QUARTER_MS
    assert len(one.steps) == 10

    assert len(make_pictures(settings, tmp_path / "demo", ["fans"], issued_ms=T0_MS)) == 1
    assert MOST_PLANTS >= 2

    monkeypatch.setenv("GRIDCAST_POSTGRES", settings.postgres.get_secret_value())
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    assert run(["plot", "--json"]) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    drawn = ["fans.png", "reliability.png", "skill.png", "coverage.png"]
    assert [path.name for path in files] == drawn
    assert all(path.read_bytes().startswith(PNG) and path.stat().st_size > 10_000 for path in files)
    assert run(["plot", "skill", "--plants", "a", "--out", str(tmp_path / "one")]) == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["skill.png"]
    _losses(settings, tmp_path, capsys)
    assert run(["plot", "--plants", "nowhere"]) == 1
    assert "no forecasts of nowhere" in capsys.readouterr().err


def _losses(settings: Settings, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A release that recorded its losses has its picture, and a page can hold all."""
    assert run(["plot", "learning"]) == 1
    assert "no release recorded losses" in capsys.readouterr().err
    learning = {"net": {"train": [3.0, 2.0, 1.5], "held_back": [3.1, 2.2, 2.4]}}
    send(settings, ("Release", [release(version="9", manifest=json.dumps({"learning": learning}))]))
    sink_all(settings)
    assert run(["plot", "learning", "--release", "9", "--html", "--out", str(folder / "nine"), "--json"]) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    assert [path.name for path in files] == ["learning.png", "plots.html"]
    assert files[0].read_bytes().startswith(PNG)
    assert run(["plot", "learning", "--release", "10"]) == 1
    assert "no release 10" in capsys.readouterr().err
