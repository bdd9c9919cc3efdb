"""Telemetry by OPC UA: a park with a history as a process, a real Kafka, and kills of everything."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from infra.settings import Settings
from infra.topics import JOURNAL
from tests.integration.live_help import Child, Telemetry, answers, free_port, kafka_frozen
from tests.integration.opcua_park import LHB_POWER, LHB_WIND, SERF_POWER, stored
from tests.integration.wire import Wire
from tests.integration.workers import await_true, contents

STEP_S = 0.1
MAPPING = """
[opcua]
endpoint = "opc.tcp://127.0.0.1:{port}/park"
publish_s = 0.1
straggler_s = 0.5
timeout_s = 3
{more}

[[plants]]
plant_id = "la-haute-borne"
power = "nsu=urn:gridcast:park;i=101"
power_unit = "W"
sensors = {{ wind_speed_ms = "ns=2;i=102" }}

[[plants]]
plant_id = "serf-east"
power = "ns=2;i=201"
"""

#: (plant, event_time [ms]) to (power [kW], wind speed [m/s]).
Scans = dict[tuple[str, int], tuple[float | None, float | None]]


class Park(Child):
    """The server of `opcua_park.py`; started again on the same file it goes on where it was."""

    def __init__(self, folder: Path, port: int) -> None:
        self.file = folder / "history.db"
        command = [
            sys.executable,
            "-m",
            "tests.integration.opcua_park",
            str(port),
            str(self.file),
            str(STEP_S),
        ]
        super().__init__(folder / "park.log", command)
        await_true(lambda: answers(port), 30, self)  # type: ignore[arg-type]

    def made(self) -> Scans:
        """Every scan that the park has made."""
        kept = stored(self.file)
        wind = kept[LHB_WIND]
        made: Scans = {
            ("la-haute-borne", at): (power * 0.001, wind.get(at)) for at, power in kept[LHB_POWER].items()
        }
        return made | {("serf-east", at): (power, None) for at, power in kept[SERF_POWER].items()}


def mapping(folder: Path, port: int, more: str = "") -> Path:
    path = folder / "mapping.toml"
    path.write_text(MAPPING.format(port=port, more=more))
    return path


def journaled(settings: Settings) -> Scans:
    """Each scan in the journal; fails where two copies of one differ."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for _, record in contents(settings, JOURNAL):
        values = {key: value for key, value in record.items() if key != "known_at"}
        key = (record["plant_id"], record["event_time"])
        assert found.setdefault(key, values) == values, f"{key} is there with two values"
    return {key: (values["power_kw"], values["wind_speed_ms"]) for key, values in found.items()}


def differing(found: Scans, meant: Scans) -> list[str]:
    told = [f"{key} is missing" for key in sorted(meant.keys() - found.keys())]
    told += [f"{key} was not meant" for key in sorted(found.keys() - meant.keys())]
    both = sorted(found.keys() & meant.keys())
    return told + [f"{key}: {found[key]} for {meant[key]}" for key in both if found[key] != meant[key]]


def differences(settings: Settings, park: Park, telemetry: Telemetry) -> list[str]:
    """What differs between the park's scans and the journal's, once the park makes no more."""
    park.signal(signal.SIGUSR1)
    time.sleep(1)
    made = park.made()
    await_true(lambda: journaled(settings).keys() >= made.keys(), 20, telemetry)  # type: ignore[arg-type]
    assert telemetry.stop() == 0, telemetry.said()
    return differing(journaled(settings), made)


def test_every_scan_of_a_park_is_in_the_journal(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    port = free_port()
    park = Park(tmp_path, port)
    children.append(park)
    time.sleep(1)
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children.append(telemetry)
    telemetry.wait_ready()
    time.sleep(3)
    assert telemetry.probe("/health").status_code == 200
    assert differences(settings, park, telemetry) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_of_us_and_of_the_server_lose_and_change_nothing(
    settings: Settings, tmp_path: Path, children: list[Child], seed: int
) -> None:
    port, random = free_port(), Random(seed)
    park = Park(tmp_path, port)
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children += [park, telemetry]
    telemetry.wait_ready()
    for victim in random.sample(["us", "us", "park", "both"], 4):
        time.sleep(random.uniform(0.2, 3.0))
        if victim != "us":
            park.kill()
        if victim != "park":
            telemetry.kill()
        time.sleep(random.uniform(0.0, 0.5))
        if victim != "us":
            park = Park(tmp_path, port)
        if victim != "park":
            telemetry = Telemetry(settings, mapping(tmp_path, port))
        children += [park, telemetry]
    telemetry.wait_ready()
    time.sleep(1)
    assert differences(settings, park, telemetry) == []


@pytest.mark.slow
def test_while_kafka_is_away_the_server_keeps_what_came(
    servers: Settings, settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    port = free_port()
    park = Park(tmp_path, port)
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children += [park, telemetry]
    telemetry.wait_ready()
    with kafka_frozen(servers):
        await_true(lambda: "trying on" in telemetry.said(), 30, telemetry)  # type: ignore[arg-type]
        telemetry.kill()
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children.append(telemetry)
    telemetry.wait_ready(40)
    time.sleep(1)
    assert differences(settings, park, telemetry) == []


def test_a_wire_that_is_cut_again_and_again_loses_and_changes_nothing(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    port, random = free_port(), Random(3)
    park = Park(tmp_path, port)
    children.append(park)
    wire = Wire(port)
    telemetry = Telemetry(settings, mapping(tmp_path, wire.port))
    children.append(telemetry)
    telemetry.wait_ready()
    for _ in range(4):
        time.sleep(random.uniform(0.2, 1.5))
        wire.cut()
        await_true(lambda: telemetry.probe("/ready").status_code == 503, 20, telemetry)  # type: ignore[arg-type]
        time.sleep(random.uniform(0.0, 1.5))
        wire.mend()
        telemetry.wait_ready()
    assert differences(settings, park, telemetry) == []
    assert "Traceback" not in telemetry.said()
    wire.close()
