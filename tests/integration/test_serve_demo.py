"""`gridcast up && gridcast serve` where nothing is yet: the page, the API, and a stream to look at."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from infra import local
from infra.settings import isolated_environment
from tests.integration.workers import ROOT

PLANT = "la-haute-borne"


@pytest.mark.long
def test_up_and_serve_give_the_page_the_api_and_a_live_forecast(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        assert gridcast(home, "up").returncode == 0
        with serving(home) as (url, key, process):
            assert httpx.get(f"{url}/").status_code == 200
            forecast = newest(url, key)
            age = datetime.now(UTC) - datetime.fromisoformat(forecast["issued_at"])
            assert timedelta(0) <= age < timedelta(minutes=20)
            assert forecast["telemetry_age_s"] < 1800
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        assert [one for one in of_home(home) if "cli.main" in " ".join(one.cmdline())] == []

        with serving(home) as (url, key, _):  # goes on with the plant that is there
            assert newest(url, key)["plant_id"] == PLANT
        assert gridcast(home, "plants", "add", "ours", "--kind", "wind", "--capacity", "5").returncode == 0
        refused = gridcast(home, "demo", "--live")
        assert refused.returncode == 1
        assert refused.stderr.count("error: ") == 1 and "there are other plants here" in refused.stderr
    finally:
        local.down(home)


def gridcast(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT, env=isolated_environment(home), capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """`gridcast serve`, as a newcomer runs it: its address, the key that it told, the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "serve", "--port", "0"],
        cwd=ROOT, env=isolated_environment(home), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        said = ""
        while not (found := re.search(r"sign in with the key (\S+)[\s\S]*page and api: (\S+),", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        yield found[2], found[1], process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def newest(url: str, key: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {key}"}
    deadline = time.monotonic() + 180
    while True:
        answer = httpx.get(f"{url}/v1/plants/{PLANT}/forecasts/latest", headers=headers, timeout=30)
        if answer.status_code == 200:
            found: dict[str, str] = answer.json()
            if datetime.now(UTC) - datetime.fromisoformat(found["issued_at"]) < timedelta(minutes=20):
                return found
        assert time.monotonic() < deadline, answer.text[:500]
        time.sleep(1)


def of_home(home: Path) -> list[psutil.Process]:
    """Processes that were started with this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GRIDCAST_HOME", "").startswith(str(home)):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [one for one in found if one.pid != os.getpid()]
