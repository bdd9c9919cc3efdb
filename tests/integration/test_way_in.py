"""The pages for a newcomer, run from top to bottom: servers of their own, weather from the local stand-in."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra import local
from infra.settings import isolated_environment
from tests.consoles import Shell, follow
from tests.integration.workers import ROOT
from tests.way_in import write_export
from tests.weather_server import weather_server

PAGES = ("tutorial.md", "your-plant.md")


@pytest.mark.long
def test_the_tutorial_and_the_page_for_your_own_plant_do_what_they_say(tmp_path: Path) -> None:
    home = tmp_path / ".gridcast"
    write_export(tmp_path / "ridge.csv", datetime.now(UTC))
    with weather_server() as server:
        told = dict.fromkeys(("open_meteo_url", "open_meteo_archive_url", "nasa_power_url"), server.url)
        environment = isolated_environment(home, **told)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        environment["GRIDCAST_API_PORT"] = port
        environment["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
        shell = Shell(tmp_path, environment)
        try:
            for page in PAGES:  # the second one goes on where the first one ends
                shown = tmp_path / page
                shown.write_text((ROOT / "docs" / page).read_text().replace(":8080/", f":{port}/"))
                follow(shown, shell)
        finally:
            shell.close()
            local.down(home)
