"""The mapping file: what is wrong in it is said by its key, and nothing secret is ever shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from producers.live.mapping import MqttMapping, OpcuaMapping, read_mapping
from schemas.errors import InputError

MQTT = """
[mqtt]
endpoint = "mqtts://broker.example"
client_id = "north"
user = "gridcast"
password_file = "secret"

[[plants]]
plant_id = "a"
topic = "park/a"
time = "at"
power = "p"
power_unit = "MW"
stamp = "start"
interval_s = 600
sensors = { wind_speed_ms = "ws", temperature_c = { from = "t", factor = 0.1, offset = -273.15 } }
units = { member = "turbines", power = "p" }
"""
OPCUA = """
[opcua]
endpoint = "opc.tcp://server:4840/park"

[[plants]]
plant_id = "a"
power = "ns=2;s=P"
scan_s = 60
units.T1.power = "ns=2;s=T1.P"
"""


def read(folder: Path, text: str) -> MqttMapping | OpcuaMapping:
    path = folder / "m.toml"
    path.write_text(text)
    return read_mapping(path)


def test_a_mapping_means_what_it_says(tmp_path: Path) -> None:
    mapping = read(tmp_path, MQTT)
    assert isinstance(mapping, MqttMapping)
    (plant,) = mapping.plants
    assert (plant.to_kw, plant.to_end_ms) == (1000.0, 600_000)
    assert plant.sensors["temperature_c"].offset == -273.15
    assert plant.sensors["wind_speed_ms"].source == "ws"
    assert mapping.mqtt.address == ("broker.example", 8883)
    other = read(tmp_path, OPCUA)
    assert isinstance(other, OpcuaMapping)
    assert other.plants[0].units["T1"].power == "ns=2;s=T1.P"


def test_the_password_is_read_from_its_file_beside_the_mapping_or_from_the_setting(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("under the wind\n")
    link = read(tmp_path, MQTT)
    assert isinstance(link, MqttMapping)
    assert link.mqtt.password(SecretStr("")) == "under the wind"
    assert "under the wind" not in repr(link)
    bare = read(tmp_path, MQTT.replace('password_file = "secret"', ""))
    assert isinstance(bare, MqttMapping)
    assert bare.mqtt.password(SecretStr("other")) == "other"
    with pytest.raises(InputError, match="the password of gridcast is missing: give password_file, or set"):
        bare.mqtt.password(SecretStr(""))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            MQTT.replace('power_unit = "MW"', 'power_unit = "GW"'),
            r"plants\.0\.power_unit: .*'W', 'kW' or 'MW'",
        ),
        (MQTT.replace("interval_s = 600", ""), r"plants\.0: .*needs interval_s"),
        (MQTT.replace('time = "at"', ""), r"plants\.0\.time: Field required"),
        (MQTT.replace('client_id = "north"', ""), r"mqtt\.client_id: Field required"),
        (MQTT.replace("park/a", "park/+"), r"plants\.0: .*is a filter"),
        (MQTT.replace("wind_speed_ms", "WindSpeed"), r"plants\.0\.sensors: .*is no sensor"),
        (MQTT.replace("wind_speed_ms", "power_kw"), r"plants\.0\.sensors: .*is no sensor"),
        (MQTT.replace("mqtts://", "http://"), r"mqtt: .*give it as mqtt://host:port"),
        (MQTT.replace("mqtts://", "mqtts://me:hunter2@"), r"mqtt: .*use user and password_file"),
        (MQTT + MQTT[MQTT.index("[[plants]]") :], r"plant_id 'a' stands at more than one plant"),
        (MQTT.replace("stamp =", "stampp ="), r"plants\.0\.stampp: Extra inputs"),
        (MQTT + 'timezone = "Mars/Base"\n', r"plants\.0: .*is no time zone"),
        (MQTT + 'time_format = "iso8601"\n', r"plants\.0: .*time_format is iso"),
        (MQTT + OPCUA, r"one table \[mqtt\] or \[opcua\] is needed, and there are 2"),
        (OPCUA.replace("opc.tcp", "opc.https"), r"opcua: .*give it as opc\.tcp"),
        (OPCUA.replace("[[plants]]", 'security = "Basic256Sha256"\n[[plants]]'), r"opcua: .*needs cert_file"),
        ("[mqtt", r"m\.toml: "),
        ("", r"one table \[mqtt\] or \[opcua\] is needed, and there are 0"),
        (MQTT[: MQTT.index("[[plants]]")], r"plants: Field required"),
    ],
)
def test_a_wrong_mapping_is_one_plain_line_with_the_key(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    told = str(caught.value)
    assert re.search(line, told), told
    assert "hunter2" not in told
    assert "\n" not in told


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_mapping(tmp_path / "none.toml")


PAGE = Path(__file__).parents[4] / "docs" / "live-telemetry.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_in_the_docs_are_mappings(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).plants


def test_there_are_examples_of_both_ways_in_the_docs() -> None:
    assert {"[mqtt]" in text for text in EXAMPLES} == {True, False}
