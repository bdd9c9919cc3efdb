"""The probes and metrics of a process, asked over HTTP."""

import json
import socket
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from infra import metrics
from infra.health import HealthServer, Verdict


@pytest.fixture
def verdicts() -> dict[str, Verdict]:
    """What the probes answer; a test changes it."""
    return {"health": Verdict(True), "ready": Verdict(False, {"why": "restoring"})}


@pytest.fixture
def server(verdicts: dict[str, Verdict]) -> Iterator[HealthServer]:
    """A server on a free port."""
    found = HealthServer("127.0.0.1", 0, lambda: verdicts["health"], lambda: verdicts["ready"])
    yield found
    found.close()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    """Status and body of one request."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_good_verdict_is_200_and_a_bad_one_503_with_its_reason(
    server: HealthServer, verdicts: dict[str, Verdict]
) -> None:
    assert get(server, "/health") == (200, '{"ok": true}')
    status, body = get(server, "/ready")
    assert (status, json.loads(body)) == (503, {"ok": False, "why": "restoring"})
    verdicts["ready"] = Verdict(True)
    assert get(server, "/ready?verbose=1")[0] == 200


def test_every_declared_metric_is_exposed(server: HealthServer) -> None:
    metrics.RECORDS.labels("plant.telemetry", "applied").inc(5)
    status, body = get(server, "/metrics")
    assert status == 200
    assert 'gridcast_records_total{outcome="applied",topic="plant.telemetry"} 5.0' in body
    for name in ("rejected", "batch_seconds", "lag_records", "forecasts", "release", "last_commit_seconds"):
        assert f"# HELP gridcast_{name}" in body


def test_other_paths_are_404(server: HealthServer) -> None:
    assert get(server, "/")[0] == 404


def test_who_hangs_up_before_the_answer_leaves_no_traceback(
    server: HealthServer, verdicts: dict[str, Verdict], capfd: pytest.CaptureFixture[str]
) -> None:
    verdicts["health"] = Verdict(True, {"long": "x" * 30_000_000})
    with socket.create_connection(("127.0.0.1", server.port)) as asking:
        asking.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        asking.recv(1)
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(1.0)
    assert capfd.readouterr().err == ""
