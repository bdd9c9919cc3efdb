"""Telemetry by MQTT: a real broker in a process of its own, a real Kafka, and kills of everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from infra.settings import Settings
from infra.topics import REJECTED
from tests.integration.live_help import (
    Child,
    Mosquitto,
    MqttBroker,
    Powers,
    Publisher,
    Telemetry,
    differing,
    free_port,
    journaled,
    kafka_frozen,
    mosquitto,
    sample,
)
from tests.integration.workers import await_true, contents

MAPPING = """
[mqtt]
endpoint = "mqtt://127.0.0.1:{port}"
user = "gridcast"
client_id = "gridcast-test"
keepalive_s = 5
{more}

[[plants]]
plant_id = "la-haute-borne"
topic = "park/lhb"
time = "at"
power = "meter.p"
power_unit = "W"
sensors = {{ wind_speed_ms = "met.ws", temperature_c = "met.t" }}

[[plants]]
plant_id = "serf-east"
topic = "park/serf"
time = "ts"
time_format = "unix_s"
power = "p"
"""


class Park:
    """Two plants that publish real values: La Haute Borne in W under nested members, SERF East in kW."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.sent: Powers = {}
        self._wind, self._sun = sample("la_haute_borne", 5000), sample("serf_east", 5000)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """A scan of both every 10 ms, from another thread."""
        done = threading.Event()

        def work() -> None:
            while not done.wait(0.01):
                self.publish(1)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def publish(self, scans: int) -> None:
        for _ in range(scans):
            at_ms, power_kw, row = next(self._wind)
            power_w = None if power_kw is None else round(power_kw * 1000)
            met = {"ws": float(row["wind_speed_ms"] or 0), "t": None}
            stamp = row["event_time"]
            self.publisher.publish("park/lhb", {"at": stamp, "meter": {"p": power_w}, "met": met, "more": 1})
            self.sent["la-haute-borne", at_ms] = None if power_w is None else power_w * 0.001
            at_ms, power_kw, _ = next(self._sun)
            self.publisher.publish("park/serf", {"ts": at_ms // 1000, "p": power_kw})
            self.sent["serf-east", at_ms] = power_kw


def mapping(folder: Path, port: int, more: str = "") -> Path:
    path = folder / "mapping.toml"
    path.write_text(MAPPING.format(port=port, more=more))
    return path


def test_what_plants_publish_is_in_the_journal_and_what_cannot_be_read_is_kept(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    port = free_port()
    children.append(MqttBroker(tmp_path, port))
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children.append(telemetry)
    telemetry.wait_ready()
    publisher = Publisher(port)
    park = Park(publisher)
    park.publish(50)
    bad = {b"\xff{": "unreadable", b'{"ts": 1, "p": NaN}': "not_finite", b'{"p": 1}': "no_time"}
    for payload in (*bad, *bad):
        publisher.publish("park/serf", payload)
    publisher.wait_delivered()
    await_true(lambda: len(journaled(settings)) >= 100, 20, telemetry)  # type: ignore[arg-type]
    await_true(lambda: len(contents(settings, REJECTED)) >= 6, 20, telemetry)  # type: ignore[arg-type]
    publisher.close()
    assert telemetry.stop() == 0, telemetry.said()
    assert differing(journaled(settings), park.sent) == []
    rejected = {record["offset"]: record for _, record in contents(settings, REJECTED)}
    assert {record["payload"]: record["reason"] for record in rejected.values()} == bad
    assert {record["topic"] for record in rejected.values()} == {"mqtt:park/serf"}
    assert "under the wind" not in telemetry.said()


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_of_us_and_of_the_broker_lose_and_change_nothing(
    settings: Settings, tmp_path: Path, children: list[Child], seed: int
) -> None:
    port, random = free_port(), Random(seed)
    broker = MqttBroker(tmp_path, port)
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children += [broker, telemetry]
    telemetry.wait_ready()
    publisher = Publisher(port)
    park = Park(publisher)
    with park.publishing():
        for victim in random.sample(["us", "us", "broker", "both"], 4):
            time.sleep(random.uniform(0.2, 3.0))
            if victim != "us":
                broker.kill()
            if victim != "broker":
                telemetry.kill()
            time.sleep(random.uniform(0.0, 0.5))
            if victim != "us":
                broker = MqttBroker(tmp_path, port)
            if victim != "broker":
                telemetry = Telemetry(settings, mapping(tmp_path, port))
            children += [broker, telemetry]
    publisher.wait_delivered()
    await_true(lambda: journaled(settings).keys() >= park.sent.keys(), 30, telemetry)  # type: ignore[arg-type]
    publisher.close()
    assert telemetry.stop() == 0, telemetry.said()
    assert differing(journaled(settings), park.sent) == []


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_mosquitto_keeps_what_we_have_not_acknowledged(
    settings: Settings, tmp_path: Path, children: list[Child], protocol: str
) -> None:
    if not mosquitto():
        pytest.skip("GRIDCAST_TEST_MOSQUITTO names no mosquitto")
    port, random = free_port(), Random(5)
    broker = Mosquitto(tmp_path, port)
    told = mapping(tmp_path, port, f'protocol = "{protocol}"\nin_flight = 50')
    telemetry = Telemetry(settings, told)
    children += [broker, telemetry]
    telemetry.wait_ready()
    publisher = Publisher(port)
    park = Park(publisher)
    with park.publishing():
        for victim in ("us", "broker", "us"):
            time.sleep(random.uniform(0.2, 3.0))
            if victim == "us":
                telemetry.kill()
                telemetry = Telemetry(settings, told)
            else:
                broker.stop()  # killed it would forget what it has not written in the last second
                broker = Mosquitto(tmp_path, port)
            children += [broker, telemetry]
    publisher.wait_delivered()
    await_true(lambda: journaled(settings).keys() >= park.sent.keys(), 30, telemetry)  # type: ignore[arg-type]
    publisher.close()
    assert telemetry.stop() == 0, telemetry.said()
    assert differing(journaled(settings), park.sent) == []


@pytest.mark.parametrize("ending", ["killed", "left alone"])
def test_while_kafka_is_away_the_broker_keeps_what_came(
    servers: Settings, settings: Settings, tmp_path: Path, children: list[Child], ending: str
) -> None:
    port = free_port()
    told = mapping(tmp_path, port, "in_flight = 5")  # so few that the broker is no longer read
    broker, telemetry = MqttBroker(tmp_path, port), Telemetry(settings, told)
    children += [broker, telemetry]
    telemetry.wait_ready()
    publisher = Publisher(port)
    park = Park(publisher)
    park.publish(20)
    with kafka_frozen(servers):
        park.publish(50)
        publisher.wait_delivered()
        await_true(lambda: "trying on" in telemetry.said(), 30, telemetry)  # type: ignore[arg-type]
        assert "kafka" in telemetry.probe("/health").json()
        if ending == "killed":
            telemetry.kill()
    if ending == "killed":
        telemetry = Telemetry(settings, told)
        children.append(telemetry)
    await_true(lambda: journaled(settings).keys() >= park.sent.keys(), 40, telemetry)  # type: ignore[arg-type]
    publisher.close()
    assert telemetry.stop() == 0, telemetry.said()
    assert differing(journaled(settings), park.sent) == []
