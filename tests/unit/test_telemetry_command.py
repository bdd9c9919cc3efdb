"""`gridcast telemetry` before it connects: the mapping is read first, and what is missing is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import run
from cli.telemetry import command

MAPPING = """
[mqtt]
endpoint = "mqtt://127.0.0.1:1"
client_id = "c"

[[plants]]
plant_id = "a"
topic = "t"
time = "at"
power = "p"
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    return path


def test_a_mapping_can_be_looked_at_without_connecting(mapping: Path) -> None:
    result = CliRunner().invoke(command, [str(mapping), "--check"])
    assert (result.exit_code, result.stdout) == (0, f"{mapping}: mqtt, a\n")
    result = CliRunner().invoke(command, [str(mapping), "--check", "--json"])
    assert json.loads(result.stdout) == {"way": "mqtt", "plants": ["a"]}


def test_a_wrong_mapping_is_one_plain_line(mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping.write_text(MAPPING.replace('time = "at"', 'tyme = "at"'))
    assert run(["telemetry", str(mapping)]) == 1
    assert capsys.readouterr().err == f"error: {mapping}: plants.0.time: Field required\n"
    assert run(["telemetry", str(mapping.with_name("none.toml"))]) == 1
    assert "does not exist: give the mapping file" in capsys.readouterr().err


def test_a_missing_package_is_said_with_what_to_install(
    mapping: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("cli.telemetry.find_spec", lambda name: None if name == "paho" else found(name))
    assert run(["telemetry", str(mapping)]) == 1
    assert "paho is not installed: pip install --editable '.[live]'" in capsys.readouterr().err
