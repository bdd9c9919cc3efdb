"""The servers for a laptop: started once, found again, side by side, gone after `down`; failures say why."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from infra import local, local_kafka, local_postgres
from infra.kafka import Outgoing, produce_all, producer
from infra.postgres import copy_rows, migrate, transaction
from infra.processes import free_ports, identify
from infra.settings import Settings
from infra.topic_reader import read
from infra.topics import JOURNAL, TOPICS, make_topics
from schemas.errors import ServiceUnavailable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own whose servers end with the test."""
    yield tmp_path / "home"
    local.down(tmp_path / "home")


def gridcast(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "GRIDCAST_HOME": str(home)},
        timeout=180,
        check=False,
    )


def descendants(home: Path) -> list[psutil.Process]:
    """Every process whose command line names the home."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(home) in part for part in process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.mark.slow
def test_up_is_found_by_the_next_up_and_down_leaves_nothing(home: Path) -> None:
    first = gridcast(home, "up", "--json")
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stdout)
    assert sorted(said["topics_made"]) == sorted(topic.name for topic in TOPICS)
    running = {server.name: server.running for server in local.status(home) if server.alive}
    assert set(running) == {"kafka", "postgres"}

    again = gridcast(home, "up", "--json")
    assert json.loads(again.stdout) == {**said, "topics_made": [], "migrations": []}
    assert {server.name: server.running for server in local.status(home)} == running
    assert "password" not in again.stdout and ":***@" in again.stdout

    found = Settings(home=home)
    produce_all(producer(found), [Outgoing(JOURNAL, b"k", b"kept")])
    down = gridcast(home, "down", "--json")
    assert json.loads(down.stdout) == {"stopped": ["kafka", "postgres"]}
    assert descendants(home) == []
    assert gridcast(home, "down").stdout == "nothing was running\n"
    assert (home / "logs" / "kafka.log").stat().st_size > 0
    assert (home / "logs" / "postgres.log").stat().st_size > 0

    local.up(home)
    kept = [message.value() for messages in read(Settings(home=home), JOURNAL) for message in messages]
    assert kept == [b"kept"]


def test_two_homes_live_side_by_side(home: Path, servers: Settings) -> None:
    found = {server.name: server.address for server in local.up(home)}
    assert found["kafka"] != servers.kafka
    assert found["postgres"] != servers.postgres.get_secret_value()
    make_topics(Settings(home=home))
    local.down(home)
    with closing(psycopg2.connect(servers.postgres.get_secret_value())) as connection:
        assert connection.closed == 0


def test_a_killed_server_comes_back_with_its_data(home: Path) -> None:
    first = {server.name: server for server in local.up(home)}
    settings = Settings(home=home)
    make_topics(settings)
    migrate(settings)
    produce_all(producer(settings), [Outgoing(JOURNAL, b"k", b"v") for _ in range(10)])
    with transaction(settings) as cursor:
        copy_rows(cursor, "sink_offsets", ("topic", "partition", "next_offset"), [("t", 0, 7)])
    for server in first.values():
        process = server.running.process()
        assert process is not None
        process.kill()
    wait_until(lambda: not any(server.alive for server in first.values()))

    second = {server.name: server for server in local.up(home)}
    assert {name: server.address for name, server in second.items()} == {
        name: server.address for name, server in first.items()
    }
    assert sum(len(messages) for messages in read(settings, JOURNAL)) == 10
    with transaction(settings) as cursor:
        cursor.execute("SELECT next_offset FROM sink_offsets")
        assert cursor.fetchall() == [(7,)]


def test_a_port_that_is_taken_meanwhile_is_given_up(home: Path) -> None:
    import socket

    first = local.up(home, ("postgres",))[0]
    local.down(home)
    port = int(first.address.rpartition(":")[2].partition("/")[0])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections are no matter here
        taken.bind(("127.0.0.1", port))
        taken.listen()
        second = local.up(home, ("postgres",))[0]
    assert second.alive and second.address != first.address


def test_a_kafka_that_cannot_start_says_why_in_one_line(home: Path) -> None:
    data = home / "kafka" / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text("version=1\nnode.id=77\ncluster.id=none\n")
    failed = gridcast(home, "up")
    assert failed.returncode == 1
    last = failed.stderr.strip().splitlines()[-1]
    assert last.startswith("error: Kafka did not start: ")
    assert "Stored node id 77" in last
    assert str(home / "logs" / "kafka.log") in last
    assert "Traceback" not in failed.stderr
    assert descendants(home) == []


def test_a_postgres_that_cannot_start_says_why_in_one_line(home: Path) -> None:
    local.up(home, ("postgres",))
    local.down(home)
    (home / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(
        ServiceUnavailable, match=r"PostgreSQL did not start: .*version 9.*\(log: .*postgres\.log\)"
    ):
        local.up(home, ("postgres",))


def test_jars_that_cannot_be_fetched_are_a_plain_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo
    import requests

    def fail(_endpoint: str) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(jgo, "build", fail)
    with pytest.raises(ServiceUnavailable, match=r"Maven Central.*no route to host.*GRIDCAST_KAFKA"):
        local.up(home, ("kafka",))


def test_the_password_is_only_for_its_owner(home: Path) -> None:
    (server,) = local.up(home, ("postgres",))
    assert (home / "local.json").stat().st_mode & 0o077 == 0
    assert "***" in server.shown
    without = server.address.replace(server.address.split(":")[2].split("@")[0], "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(without)


def test_a_pid_used_again_is_not_mistaken_for_ours(home: Path) -> None:
    home.mkdir()
    mine = identify(os.getpid())
    assert mine is not None
    stranger = {"pid": mine.pid, "born_s": mine.born_s - 100}
    last = {"kafka": "127.0.0.1:1"}
    (home / "local.json").write_text(json.dumps({"last": last, "processes": {"kafka": stranger}}))
    assert [server.alive for server in local.status(home)] == [False]
    assert local.down(home) == []


def test_free_ports_are_different_and_prefer_what_is_wanted() -> None:
    (wanted,) = free_ports(1)
    ports = free_ports(3, [wanted])
    assert len(set(ports)) == 3
    assert ports[0] == wanted


def test_two_ups_at_once_start_one_server(home: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "up", "--json"]
    environment = {**os.environ, "GRIDCAST_HOME": str(home)}
    both = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [json.loads(process.communicate(timeout=180)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0]["kafka"] == said[1]["kafka"]
    brokers = [p for p in descendants(home) if "kafka.Kafka" in p.cmdline()]
    assert len(brokers) == 1


def test_the_programs_are_where_we_look_for_them() -> None:
    assert (local_postgres._tools() / "pg_ctl").exists()
    assert local_kafka.jars().count("kafka_2.13-") == 1


def wait_until(done: Callable[[], bool], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
