"""`gridcast digest` on a broker."""

import json
from typing import Any

import pytest

from cli.main import run
from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from infra.topics import ANOMALIES, FORECASTS, JOURNAL, SCORES, make_topics, replay_topics
from schemas.codec import Codec
from tests.output_records import QUARTER_MS, T0_MS, anomaly, forecast, plant, scan, score

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


def test_the_first_difference_in_time_comes_first_with_its_step_its_level_and_a_reason(
    settings: Settings, command: Any
) -> None:
    records = [forecast(plant_id, i) for i in range(6) for plant_id in "ba"]
    send(settings, FORECASTS, "Forecast", records)
    changed = [*records]
    for at, offset in ((2, 7), (9, 8)):  # the second issue of b, the fifth of a
        power_kw = list(records[at]["power_kw"])
        power_kw[5] += 1.5
        changed[at] = records[at] | {"power_kw": power_kw, "telemetry_offset": offset}
    send(settings, AGAIN, "Forecast", changed)
    told = json.loads(command(FORECASTS, "--diff", AGAIN, "--json")[1])["diff"]
    first, second = told["differences"]
    issue = T0_MS + QUARTER_MS
    assert told["first"] == {"plant_id": "b", "time": _iso(issue)}
    assert [one["plant_id"] for one in (first, second)] == ["b", "a"]
    assert first["fields"][0] == {
        "field": "power_kw",
        "place": 5,
        "of": {"step": 1, "valid_at": _iso(issue + 2 * QUARTER_MS), "level": 0.9},
        "values": 1,
        "largest": 1.5,
        "left": 110.0,
        "right": 111.5,
    }
    assert first["provenance"]["telemetry_offset"] == {"left": -1, "right": 7}
    assert first["reasons"] == [
        "the newest telemetry stands elsewhere in the journal: a correction, a repeat"
    ]
    said = command(FORECASTS, "--diff", AGAIN)[1]
    assert f"the first difference is of b at {_iso(issue)}" in said
    assert f"power_kw[5]: 110.0 | 111.5 at step 1, valid_at {_iso(issue + 2 * QUARTER_MS)}, level 0.9" in said


def test_the_same_issue_by_another_release_is_one_difference_and_says_so(
    settings: Settings, command: Any
) -> None:
    records = [forecast("a", i) for i in range(4)]
    send(settings, FORECASTS, "Forecast", records)
    newer = [one | {"version": "1", "power_kw": [v + 1 for v in one["power_kw"]]} for one in records[2:]]
    send(settings, AGAIN, "Forecast", [*records[:1], *newer])
    told = json.loads(command(FORECASTS, "--diff", AGAIN, "--json")[1])["diff"]
    gone, *others = told["differences"]
    assert (gone["in_left"], gone["in_right"], gone["reasons"]) == (True, False, [])
    assert [one["key"] for one in others] == [
        {"plant_id": "a", "issued_at": _iso(one["issued_at"]), "model": "cold-start"} for one in newer
    ]
    assert others[0]["provenance"]["version"] == {"left": "0", "right": "1"}
    assert others[0]["reasons"] == ["another release"]
    assert [f["field"] for f in others[0]["fields"]] == ["version", "power_kw"]


def test_events_and_scores_are_told_apart_too(settings: Settings, command: Any) -> None:
    cases = [
        ("AnomalyEvent", ANOMALIES, anomaly("a", 1), {"evidence": {"wind_speed_ms": 8.0}}),
        ("Score", SCORES, score("a"), {"median_kw": [100.0, 121.0]}),
    ]
    told = []
    for name, topic, record, changed in cases:
        send(settings, topic, name, [record])
        send(settings, f"{ANOMALIES}.again", name, [record | changed])
        code, said = command(topic, "--diff", f"{ANOMALIES}.again")
        assert code == 1
        told.append(said)
    assert "evidence.wind_speed_ms: 9.5 | 8.0" in told[0]
    assert "median_kw[1]: 120.0 | 121.0 at lead_s 3600" in told[1]


def test_of_a_corrected_value_the_correction_is_shown(settings: Settings, command: Any) -> None:
    send(settings, JOURNAL, "Telemetry", [scan("a", 1, 5.0), scan("a", 1, 6.0)])
    send(settings, AGAIN, "Telemetry", [scan("a", 1, 5.0), scan("a", 1, 5.0), scan("a", 1, 7.0)])
    assert "power_kw: 6.0 | 7.0" in command(JOURNAL, "--diff", AGAIN)[1]


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
