"""The registry by the command line, on a real Kafka."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.main import run
from infra.settings import Settings


@pytest.fixture
def gridcast(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Calls a command with `--json`; returns its exit code and what it said."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))

    def call(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(["plants", *arguments, "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if code == 0 else said.err

    return call


def test_a_plant_is_added_changed_and_listed_as_it_held(gridcast: Any) -> None:
    assert gridcast("list") == (0, [])
    code, added = gridcast("add", "ridge", "--kind", "wind", "--capacity", "8200", "--resolution", "600")
    assert (code, added["valid_from"], added["resolution_s"]) == (0, "2000-01-01T00:00:00Z", 600)
    code, changed = gridcast("set", "ridge", "--capacity", "10250", "--valid-from", "2024-06-01")
    assert (code, changed["capacity_kw"], changed["resolution_s"]) == (0, 10250, 600)
    assert [plant["capacity_kw"] for plant in gridcast("list")[1]] == [10250]
    assert [plant["capacity_kw"] for plant in gridcast("list", "--history")[1]] == [8200, 10250]


def test_what_a_worker_would_refuse_is_refused_here(gridcast: Any) -> None:
    code, said = gridcast("add", "roof", "--kind", "solar", "--capacity", "-6")
    assert (code, said) == (1, "error: roof: capacity_kw is -6: it must be over 0 and at most 1e+08 kW\n")
    code, said = gridcast("add", "roof", "--kind", "solar", "--capacity", "6", "--latitude", "39.7")
    assert (code, "give both latitude and longitude" in said) == (1, True)
    assert gridcast("list") == (0, [])


def test_adding_twice_and_changing_what_is_not_there_say_what_to_do(gridcast: Any) -> None:
    assert gridcast("add", "ridge", "--kind", "wind", "--capacity", "8200")[0] == 0
    code, said = gridcast("add", "ridge", "--kind", "wind", "--capacity", "8200")
    assert (code, "gridcast plants set" in said) == (1, True)
    code, said = gridcast("set", "nowhere", "--capacity", "1")
    assert (code, "gridcast plants list" in said) == (1, True)


def test_without_kafka_a_plain_line_says_so(monkeypatch: pytest.MonkeyPatch, gridcast: Any) -> None:
    monkeypatch.setenv("GRIDCAST_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr("producers.kafka_out._TIMEOUT_S", 2.0)
    code, said = gridcast("list")
    assert code == 1
    assert said.startswith("error: Kafka at 127.0.0.1:1 does not answer")
    assert "Traceback" not in said
