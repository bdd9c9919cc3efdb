"""Live telemetry behind TLS and passwords, and the plain line where the other side lets us not in."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from paho.mqtt.publish import single

from infra.settings import Settings
from tests.integration import certificates, opcua_certificates
from tests.integration.live_help import Child, MqttBroker, Telemetry, answers, free_port, journaled
from tests.integration.mqtt_broker import PASSWORD, USER
from tests.integration.workers import await_true

MQTT = """
[mqtt]
endpoint = "{scheme}://127.0.0.1:{port}"
client_id = "gridcast-test"
user = "gridcast"
{more}

[[plants]]
plant_id = "a"
topic = "park/a"
time = "at"
power = "p"
"""
OPCUA = """
[opcua]
endpoint = "opc.tcp://127.0.0.1:{port}/park"
timeout_s = 3
straggler_s = 0.5
{more}

[[plants]]
plant_id = "a"
power = "ns=2;i={node}"
"""
SECURE = """
user = "gridcast"
security = "Basic256Sha256"
cert_file = "client.pem"
key_file = "client.key.pem"
server_cert_file = "server.pem"
"""


def mapping(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text)
    return path


def last_line(settings: Settings, told: Path, **environment: str) -> str:
    """What `gridcast telemetry` says at its end, having failed as a command fails."""
    failing = Telemetry(settings, told, "--give-up", "3", **environment)
    try:
        assert failing.process.wait(40) == 1, failing.said()
    finally:
        failing.kill()
    assert PASSWORD not in failing.said()
    assert "Traceback" not in failing.said()
    return failing.said().splitlines()[-1]


def test_a_broker_behind_tls_is_read_and_one_that_nobody_vouches_for_is_not(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    made, port = certificates.make(tmp_path), free_port()
    children.append(MqttBroker(tmp_path, port, made.certificate, made.key))
    (tmp_path / "password").write_text(PASSWORD)
    sound = 'ca_file = "ca.pem"\npassword_file = "password"'
    told = mapping(tmp_path, MQTT.format(scheme="mqtts", port=port, more=sound))
    telemetry = Telemetry(settings, told, GRIDCAST_TELEMETRY_PASSWORD="")
    children.append(telemetry)
    telemetry.wait_ready()
    scan = json.dumps({"at": "2024-05-01T12:00:00Z", "p": 0})
    login = {"username": USER, "password": PASSWORD}
    where = {"hostname": "127.0.0.1", "port": port, "auth": login, "tls": {"ca_certs": str(made.authority)}}
    single("park/a", scan, qos=1, **where)  # type: ignore[arg-type]
    await_true(lambda: journaled(settings) == {("a", 1_714_564_800_000): 0.0}, 20, telemetry)  # type: ignore[arg-type]
    assert telemetry.stop() == 0, telemetry.said()
    unknown = mapping(tmp_path, MQTT.format(scheme="mqtts", port=port, more=""))
    assert "or its certificate is not one that ca_file vouches for" in last_line(settings, unknown)


def test_a_broker_that_refuses_or_is_not_there_is_one_plain_line(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    port = free_port()
    told = mapping(tmp_path, MQTT.format(scheme="mqtt", port=port, more=""))
    line = last_line(settings, told)
    assert "does not answer: nothing came up in 3 s" in line
    children.append(MqttBroker(tmp_path, port))
    line = last_line(settings, told, GRIDCAST_TELEMETRY_PASSWORD="wrong")
    assert "refuses us" in line and "see endpoint, user and password of the mapping" in line


class SecurePark(Child):
    def __init__(self, folder: Path, port: int, *certificates: Path) -> None:
        options = [str(port), str(folder / "history.db"), "0.2", *(str(path) for path in certificates)]
        super().__init__(
            folder / "park.log", [sys.executable, "-m", "tests.integration.opcua_park", *options]
        )
        await_true(lambda: answers(port), 30, self)  # type: ignore[arg-type]


def test_a_server_that_signs_and_encrypts_is_read_and_a_wrong_password_is_said(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    opcua_certificates.make(tmp_path)
    port = free_port()
    children.append(SecurePark(tmp_path, port, tmp_path))
    told = mapping(tmp_path, OPCUA.format(port=port, node=101, more=SECURE))
    telemetry = Telemetry(settings, told)
    children.append(telemetry)
    telemetry.wait_ready()
    await_true(lambda: len(journaled(settings)) > 5, 20, telemetry)  # type: ignore[arg-type]
    assert telemetry.stop() == 0, telemetry.said()
    line = last_line(settings, told, GRIDCAST_TELEMETRY_PASSWORD="wrong")
    assert "refuses us" in line and "see user, password and security" in line


def test_a_server_that_is_not_there_or_has_no_such_node_is_one_plain_line(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    port = free_port()
    told = mapping(tmp_path, OPCUA.format(port=port, node=999, more=""))
    began_s = time.monotonic()
    assert "does not answer" in last_line(settings, told)
    assert time.monotonic() - began_s < 30
    children.append(SecurePark(tmp_path, port))
    assert last_line(settings, told).endswith("has no node ns=2;i=999")
