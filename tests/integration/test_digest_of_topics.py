"""`gridcast digest` on a broker."""

import json
from typing import Any

import pytest

from cli.main import run
from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from infra.topics import FORECASTS, JOURNAL, make_topics, replay_topics
from schemas.codec import Codec
from tests.output_records import T0_MS, forecast, plant, scan

AGAIN = f"{FORECASTS}.again"


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `gridcast digest` on the test's servers: exit code and what it printed."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    make_topics(settings, replay_topics("again"))

    def digest(*arguments: str) -> tuple[int, str]:
        code = run(["digest", *arguments])
        return code, capsys.readouterr().out

    return digest


def send(settings: Settings, topic: str, name: str, records: list[dict[str, Any]]) -> None:
    payloads = Codec().encode(name, records)
    produce_all(
        producer(settings),
        [Outgoing(topic, r["plant_id"].encode(), p) for r, p in zip(records, payloads, strict=True)],
    )


def test_the_same_forecasts_in_another_order_with_repeats_have_the_same_digest(
    settings: Settings, command: Any
) -> None:
    records = [forecast("abc"[i % 3], i) for i in range(60)]
    send(settings, FORECASTS, "Forecast", records)
    send(settings, AGAIN, "Forecast", [*reversed(records), *records[:5]])
    code, said = command(FORECASTS, "--diff", AGAIN, "--json")
    told = json.loads(said)
    assert code == 0
    assert told["diff"]["same"]
    assert told["sha256"] == told["diff"]["sha256"]
    assert (told["identities"], told["diff"]["repeats"]) == (60, 5)
    assert [one["plant_id"] for one in told["plants"]] == ["a", "b", "c"]


def test_a_difference_is_shown_with_plant_issue_field_and_provenance(
    settings: Settings, command: Any
) -> None:
    records = [forecast("a", i) for i in range(4)]
    send(settings, FORECASTS, "Forecast", records)
    other = records[2] | {"power_kw": [*records[2]["power_kw"][:-1], 7.0], "run_source": "another"}
    send(settings, AGAIN, "Forecast", [*records[:2], other, records[3]])
    code, said = command(FORECASTS, "--diff", AGAIN)
    assert code == 1
    assert "1 with other values" in said
    assert "power_kw[11]: 110.0 | 7.0" in said
    assert "made from run_source: None | another" in said
    part = ("--from", _iso(T0_MS), "--to", _iso(records[2]["issued_at"]))
    assert command(FORECASTS, *part, "--diff", AGAIN)[0] == 0


def test_one_identity_with_two_values_is_an_alarm(settings: Settings, command: Any) -> None:
    send(settings, FORECASTS, "Forecast", [forecast("a", 0), forecast("a", 0, power_kw=5.0)])
    code, said = command(FORECASTS, "--json")
    told = json.loads(said)
    assert code == 1
    assert told["conflicts"] == 1
    assert told["contradictions"][0]["fields"][0]["field"] == "power_kw"
    assert command("power.nothing") == (1, "")


def test_a_journal_with_corrections_and_bad_bytes_has_a_digest(settings: Settings, command: Any) -> None:
    send(settings, JOURNAL, "PlantVersion", [plant("a")])
    send(settings, JOURNAL, "Telemetry", [scan("a", 1, 5.0), scan("a", 1, 6.0), scan("a", 2)])
    produce_all(producer(settings), [Outgoing(JOURNAL, b"a", b"\x00junk")])
    code, said = command(JOURNAL, "--json")
    told = json.loads(said)
    assert code == 0
    assert {name: told[name] for name in ("identities", "corrections", "unreadable", "conflicts")} == {
        "identities": 3,
        "corrections": 1,
        "unreadable": 1,
        "conflicts": 0,
    }


def _iso(time_ms: int) -> str:
    from cli.output import iso

    return iso(time_ms)
