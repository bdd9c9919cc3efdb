"""The page for a newcomer, run from top to bottom: servers of its own, weather from the local stand-in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra import local
from infra.settings import isolated_environment
from tests.consoles import Shell, follow
from tests.integration.workers import ROOT
from tests.way_in import write_export
from tests.weather_server import weather_server


@pytest.mark.slow
def test_the_page_for_your_own_plant_does_what_it_says(tmp_path: Path) -> None:
    home = tmp_path / ".gridcast"
    write_export(tmp_path / "ridge.csv", datetime.now(UTC))
    with weather_server() as server:
        told = dict.fromkeys(("open_meteo_url", "open_meteo_archive_url", "nasa_power_url"), server.url)
        environment = isolated_environment(home, **told)
        environment["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
        shell = Shell(tmp_path, environment)
        try:
            follow(ROOT / "docs" / "your-plant.md", shell)
        finally:
            shell.close()
            local.down(home)
