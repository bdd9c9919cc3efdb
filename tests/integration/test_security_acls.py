"""Workers, sinks and commands with users, certificates and no more rights than the page of security lists."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumers.api.lag_look import LagLook
from consumers.intake import TOPICS
from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from infra.topic_reader import read
from infra.topics import ANOMALIES, ARTIFACTS, CHECKPOINTS, FORECASTS, JOURNAL, RELEASES
from schemas.codec import Codec
from schemas.errors import GridcastError, ServiceUnavailable
from streams.outlet import Outlet
from streams.plant_states import PlantStates
from tests.integration import certificates
from tests.integration.alert_help import Channels, alerter, event, events, told
from tests.integration.secure_kafka import SecureKafka, secure_kafka
from tests.integration.sink_help import ask
from tests.integration.workers import (
    ROOT,
    await_true,
    contents,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
    weather_runs,
)

ROW = re.compile(r"\| `(\w+)` \| `((?:topic|group):[\w.*-]+)` \| ([a-z ]+) \|")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """The broker with the access lists of docs/security.md."""
    with secure_kafka(tmp_path_factory.mktemp("acls")) as made:
        made.allow(listed())
        yield made


def listed() -> list[tuple[str, str, str]]:
    rows = ROW.findall((ROOT / "docs" / "security.md").read_text())
    assert len(rows) > 20
    return [(name, resource, operations.strip()) for name, resource, operations in rows]


def environment(found: Settings) -> dict[str, str]:
    """The settings as variables, with the secrets in files."""
    told = {k: v for k, v in os.environ.items() if not k.startswith("GRIDCAST_")}
    found.home.mkdir(parents=True, exist_ok=True)
    for name in ("kafka", "kafka_security", "kafka_sasl_mechanism", "kafka_username"):
        told[f"GRIDCAST_{name.upper()}"] = str(getattr(found, name))
    for name in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file", "home"):
        if getattr(found, name) is not None:
            told[f"GRIDCAST_{name.upper()}"] = str(getattr(found, name))
    for name in ("kafka_password", "postgres"):
        secret = getattr(found, name).get_secret_value()
        if secret:
            path = found.home / name
            path.write_text(secret + "\n")
            told[f"GRIDCAST_{name.upper()}_FILE"] = str(path)
    return told


def command(found: Settings, *arguments: str) -> tuple[int, str, float]:
    """Code, what was said on the standard error, and how long it took."""
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env=environment(found),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stderr, time.monotonic() - began_s


def variables(found: Settings) -> dict[str, object]:
    """The same for `running`, which takes settings by name."""
    return {
        name.removeprefix("GRIDCAST_").lower(): value
        for name, value in environment(found).items()
        if name.startswith("GRIDCAST_") and name not in ("GRIDCAST_HOME", "GRIDCAST_KAFKA")
    }


def test_producer_worker_and_sink_do_their_work_with_the_rights_that_are_listed(
    kafka: SecureKafka, settings: Settings, tmp_path: Path
) -> None:
    """The sink comes by certificate, the others by SCRAM; PostgreSQL is the session's."""
    worker, producing = kafka.user("worker", tmp_path / "w"), kafka.user("producer", tmp_path / "p")
    sink = kafka.holder("sink", tmp_path / "s").model_copy(update={"postgres": settings.postgres})
    send(producing, [*plant_versions(), *weather_runs()])
    with (
        running(worker, **variables(worker)) as one,
        running(sink, command="sink", **variables(sink)) as two,
    ):
        await_true(lambda: len(contents(kafka.root, JOURNAL)) >= 24, 60, one)
        send(producing, [*hours_of_telemetry(0, 4), Outgoing(JOURNAL, b"plant-1", b"no record")])
        await_true(lambda: len(contents(kafka.root, FORECASTS)) >= 36, 90, one)
        await_true(lambda: ask(settings, "select count(*) from forecasts")[0][0] >= 36, 60, two)
        await_true(lambda: written_as_sent(settings), 60, two)
        assert one.stop() == 0, one.said()
        assert two.stop() == 0, two.said()
    assert contents(kafka.root, CHECKPOINTS)
    for said in (one.said(), two.said()):
        assert "hush" not in said and "authorization" not in said.lower(), said


def written_as_sent(settings: Settings) -> bool:
    """The one bad record; a run that overtook its plant may have been refused too."""
    return ask(settings, "select payload from rejects where reason = 'not_avro'") == [(b"no record",)]


def test_an_alerter_tells_events_and_stalls_with_the_rights_that_are_listed(
    kafka: SecureKafka, settings: Settings, tmp_path: Path
) -> None:
    own = kafka.user("alerts", tmp_path).model_copy(update={"postgres": settings.postgres, "stall_s": 0.5})
    send(kafka.root, [Outgoing(JOURNAL, b"plant-1", b"work that waits")])
    with alerter(own, Channels(tmp_path).topic().rules()):
        events(kafka.root, event("plant-1"))
        await_true(lambda: {one["data"]["kind"] for one in told(kafka.root)} == {"outage", "stall"}, 60)


FORBIDDEN = {
    "alerts": (JOURNAL, ANOMALIES),
    "api": (JOURNAL, CHECKPOINTS, FORECASTS, ARTIFACTS),
    "producer": (RELEASES, CHECKPOINTS, FORECASTS),
    "sink": (JOURNAL,),
    "training": (JOURNAL, CHECKPOINTS),
    "reader": (FORECASTS,),
    "worker": (RELEASES, ARTIFACTS),
    "stranger": (JOURNAL,),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_nobody_writes_where_it_has_no_business(kafka: SecureKafka, tmp_path: Path, name: str) -> None:
    who = kafka.user(name, tmp_path)
    for topic in FORBIDDEN[name]:
        with pytest.raises(GridcastError, match=r"(?i)authori[sz]ation failed|unknown topic"):
            produce_all(producer(who, message_timeout_ms=8000), [Outgoing(topic, b"k", b"v")], 10)


def test_a_worker_that_may_not_write_ends_with_the_reason_and_does_not_hang(
    kafka: SecureKafka, tmp_path: Path
) -> None:
    outlet = Outlet(kafka.user("sink", tmp_path))
    with pytest.raises(GridcastError, match="uthorization failed"):
        asyncio.run(asyncio.wait_for(outlet.send([Outgoing(JOURNAL, b"k", b"v")]), 60))
    outlet.close()


def test_a_training_and_a_reader_reach_their_topics_and_no_other(kafka: SecureKafka, tmp_path: Path) -> None:
    training, reader = kafka.user("training", tmp_path), kafka.user("reader", tmp_path)
    assert produce_all(producer(training), [Outgoing(ARTIFACTS, b"k", b"v")]) == 1
    assert [m.value() for batch in read(training, ARTIFACTS) for m in batch] == [b"v"]
    list(read(reader, FORECASTS))
    api = kafka.user("api", tmp_path)
    for topic in (FORECASTS, JOURNAL, CHECKPOINTS, ARTIFACTS):
        list(read(api, topic))
    behind = {(one["group"], one["topic"]) for one in LagLook(api, Codec()).rows()}
    assert {(api.worker_group, JOURNAL)} | {(api.sink_group, topic) for topic in TOPICS} <= behind
    with pytest.raises(ServiceUnavailable, match="cannot be put together here"):
        PlantStates.of(reader, Codec()).fleet_of("plant-1")
    with pytest.raises(GridcastError):
        list(read(reader, JOURNAL))


WRONG = {
    "a wrong password": (dict[str, object](kafka_password="wrong"), "refuses this user"),
    "another host name": ({"kafka": "localhost"}, "not trusted, or of another host"),
    "another authority": ({"kafka_ca_file": None}, "not trusted, or of another host"),
    "no certificate": ({"kafka_security": "SSL"}, "refuses our certificate"),
}


@pytest.mark.parametrize(("name", "wrong"), zip(["worker", "sink", "lag", "worker"], WRONG, strict=True))
def test_whoever_is_not_let_in_ends_at_once_with_one_plain_line(
    kafka: SecureKafka, tmp_path: Path, name: str, wrong: str
) -> None:
    good = kafka.user("worker", tmp_path)
    change, told = dict(WRONG[wrong][0]), WRONG[wrong][1]
    if "kafka" in change:
        change["kafka"] = f"localhost:{kafka.scram_port}"
    if "kafka_ca_file" in change:
        change["kafka_ca_file"] = certificates.make(tmp_path).authority
    if "kafka_password" in change:
        change["kafka_password"] = SecretStr("wrong")
    if "kafka_security" in change:
        change["kafka"] = f"127.0.0.1:{kafka.mutual_port}"
    bad = good.model_copy(update={**change, "postgres": SecretStr("postgresql://u:hush@127.0.0.1:1/d")})
    code, said, took_s = command(bad, name)
    (line,) = [one for one in said.splitlines() if one.startswith("error: ") or told in one]
    assert code == 1 and told in line, said
    assert "Traceback" not in said and "hush" not in said
    assert took_s < 30
