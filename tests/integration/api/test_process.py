"""`gridcast serve` as a process: it starts, answers as a user of its own role, and stops when it is told."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from pydantic import SecretStr

from consumers.api.keys import Role
from infra.settings import isolated_environment
from tests.integration.api.test_reading import LISTS, WHOLE
from tests.integration.api.world import World
from tests.integration.sink_help import ask
from tests.integration.workers import ROOT


@pytest.fixture
def as_api(world: World) -> Iterator[SecretStr]:
    """A user that is in `gridcast_api` and in nothing else."""
    name, password = f"test_{secrets.token_hex(4)}", secrets.token_hex(8)
    ask(world.settings, f"create role {name} login password '{password}' in role gridcast_api")
    parts = urlsplit(world.settings.postgres.get_secret_value())
    yield SecretStr(urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}")))
    ask(world.settings, f"drop role {name}")


def test_it_serves_with_its_own_role_alone_and_stops_in_the_middle_of_a_stream(
    world: World, as_api: SecretStr
) -> None:
    environment = isolated_environment(
        world.settings.home, kafka=world.settings.kafka, postgres=as_api.get_secret_value(), api_port=0
    )
    command = [sys.executable, "-m", "cli.main", "serve", "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None and process.stderr is not None
            url = json.loads(process.stdout.readline())["api"]
            headers = {"X-API-Key": world.keys[Role.ADMIN]}
            with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
                for path in (*LISTS, *WHOLE):
                    assert client.get(path).status_code == 200, path
                with client.stream("GET", "/v1/live", headers={"Accept": "text/event-stream"}) as stream:
                    lines = stream.iter_lines()
                    next(lines)
                    process.send_signal(signal.SIGTERM)
                    list(lines)
            said = process.stderr.read()
            assert process.wait(20) == 0, said
        finally:
            process.kill()
    access = [json.loads(line) for line in said.splitlines() if '"gridcast.access"' in line]
    assert {"request_id", "key_id", "path", "status", "milliseconds", "address"} <= set(access[0])
    assert world.keys[Role.ADMIN] not in said
    assert not re.search(r"Traceback|CRITICAL", said), said
    key_id = world.keys[Role.ADMIN].split("_")[1]
    used = ask(world.settings, "select last_used_at is not null from api_keys where key_id = %s", key_id)
    assert used == [(True,)], "what was not yet noted was noted at the end"


def test_a_port_that_is_taken_is_said_in_one_line(world: World) -> None:
    port = urlsplit(world.url).port
    environment = isolated_environment(
        world.settings.home, kafka="127.0.0.1:1", postgres="postgresql://x@127.0.0.1:1/x"
    )
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1 and ended.stderr.startswith(f"error: cannot listen on 127.0.0.1 port {port}")
