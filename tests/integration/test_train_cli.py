"""`gridcast train` and `gridcast models`: from PostgreSQL to a release that serves, and back."""

import json
from typing import Any

import numpy as np
import pytest

from cli.main import run
from consumers.trainings import one_at_a_time
from infra.settings import Settings
from schemas.records import ReleaseRecord
from streams.artifacts import Artifacts
from tests import output_records as made
from tests.integration.sink_help import CODEC, send, sink_all

HOUR_MS = 3_600_000
DAYS = 70


def history(plant_id: str, first_ms: int, seed: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """A wind farm whose power follows a forecast wind, with some noise."""
    rng = np.random.default_rng(seed)
    hours = DAYS * 24
    wind_ms = 7 + 4 * np.sin(np.arange(hours + 48) / 17) + np.cumsum(rng.normal(0, 0.3, hours + 48)) * 0.1
    share = np.clip((wind_ms / 12) ** 3, 0, 1)
    power_kw = np.clip(1000 * share + rng.normal(0, 40, hours + 48), 0, 1000)
    times_ms = first_ms + np.arange(hours + 48) * HOUR_MS
    scans = [
        made.scan(plant_id, event_time=int(t), known_at=int(t) + 1000, power_kw=float(p))
        for t, p in zip(times_ms[:hours], power_kw[:hours], strict=True)
    ]
    runs = [
        made.run(
            plant_id,
            published_at=int(times_ms[start]),
            known_at=int(times_ms[start]),
            valid_at=times_ms[start : start + 48].tolist(),
            columns=[{"name": "wind_speed_100m_ms", "values": wind_ms[start : start + 48].tolist()}],
            points=[],
        )
        for start in range(0, hours, 24)
    ]
    plant = made.plant(plant_id, resolution_s=3600, issue_every_s=3600, known_at=first_ms - 1)
    return [("PlantVersion", [plant]), ("WeatherRun", runs), ("Telemetry", scans)]


@pytest.fixture
def trained_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two plants of different years in PostgreSQL, and a command line that finds the servers."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_POSTGRES", settings.postgres.get_secret_value())
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    send(settings, *history("old", 1_400_000_400_000 // HOUR_MS * HOUR_MS, 1))
    send(settings, *history("new", 1_600_000_400_000 // HOUR_MS * HOUR_MS, 2))
    sink_all(settings)
    return settings


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    code = run([*arguments, "--json"])
    out, errors = capsys.readouterr()
    assert code == 0, errors
    return json.loads(out)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(arguments) == 1
    return capsys.readouterr().err


@pytest.mark.slow
def test_a_release_is_trained_judged_published_promoted_and_rolled_back(
    trained_on: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first = call(capsys, "train", "--fast", "--hindsight")
    assert first["published"] and first["better"], first["reason"]
    assert first["version"] == "1"
    # Each plant is judged on its own newest days, whatever year they are of.
    assert set(first["scores"]["candidate"]) == {"old", "new"}
    assert all(score["1h"]["n"] >= 24 for score in first["scores"]["candidate"].values())

    (listed,) = call(capsys, "models", "list")
    assert listed["serves"] and listed["role"] == "champion"
    shown = call(capsys, "models", "show", "1")["manifest"]
    assert shown["hindsight"] and shown["refitted"] and shown["weather"]["test"]["hindsight"]
    assert shown["verdict"]["reason"] == first["reason"]
    assert shown["verdict"]["plants"]["old"]["test"]["days"] >= 14
    assert set(shown["scores"]) == {"old", "new"}
    assert len(shown["code_sha256"]) == len(shown["data"]["sha256"]) == 64
    assert 0 < shown["speed"]["forecast_us"] < 1000
    card = call(capsys, "models", "card", "1")["card"]
    assert first["reason"] in card and first["sha256"] in card
    assert (trained_on.home / "releases" / "gridcast-1.md").read_text() == card

    (line,) = (trained_on.home / "experiments" / "train.jsonl").read_text().splitlines()
    experiment = json.loads(line)
    assert experiment["hashes"] == {"data": experiment["hashes"]["data"], "code": shown["code_sha256"]}
    assert 0 < experiment["metrics"]["pinball"] < experiment["metrics"]["champion_pinball_by_day"]
    assert experiment["params"]["seed"] == 1 and experiment["params"]["plants"] == ["new", "old"]

    record = ReleaseRecord("gridcast", "1", 0, 0, None, first["sha256"], first["bytes"])  # type: ignore[arg-type]
    release = Artifacts(trained_on, CODEC).load_release(record)
    assert release.sha256 == first["sha256"] and release.knows("old")

    # It was trained again on all days, so nothing is left to challenge it on: not even trained.
    again = call(capsys, "train", "--fast")
    assert not again["trained"] and not again["published"] and "too few days" in again["reason"]
    forced = call(capsys, "train", "--fast", "--force", "--no-refit")
    assert forced["version"] == "2" and forced["published"] and not forced["better"]
    assert forced["shadows"] == ["gridcast 1"]

    gone = call(capsys, "models", "rollback", "--because", "a trial")
    assert (gone["withdrawn"]["version"], gone["serves"]["version"]) == ("2", "1")
    assert call(capsys, "models", "show", "2")["manifest"]["withdrawn"]["reason"] == "a trial"
    refused = failure(capsys, "models", "promote", "2")
    assert f"judged not to be better: {forced['reason']}" in refused
    promoted = call(capsys, "models", "promote", "2", "--force")
    assert [one["version"] for one in promoted["shadows"]] == ["1"]
    again = call(capsys, "models", "promote", "2", "--force")
    assert (again["since"], again["shadows"]) == (promoted["since"], []), "it serves already: nothing is sent"
    assert serving(capsys) == {("2", "all")}
    for _ in range(2):
        last = call(capsys, "models", "rollback")
    assert last["serves"] is None
    assert "nothing to roll back" in failure(capsys, "models", "rollback")


def serving(capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str]]:
    return {(one["version"], one["plants"]) for one in call(capsys, "models", "list") if one["serves"]}


@pytest.mark.slow
def test_two_releases_serve_a_plant_each(trained_on: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    first = call(capsys, "train", "--fast", "--plant", "old")
    assert first["published"] and first["plants"] == ["old"]
    # Trained on both plants, judged and released for the one that nothing was trained on yet.
    second = call(capsys, "train", "--fast", "--for", "new")
    assert second["published"] and second["plants"] == ["new"] and second["shadows"] == []
    assert set(second["scores"]["candidate"]) == {"new"}
    assert set(call(capsys, "models", "show", "2")["manifest"]["plants"]) == {"old", "new"}
    assert serving(capsys) == {("1", "old"), ("2", "new")}
    trial = call(capsys, "models", "promote", "2", "--plant", "old")
    assert [(one["version"], one["plants"]) for one in trial["shadows"]] == [("1", "old")]
    assert serving(capsys) == {("2", "old"), ("2", "new")}
    assert "was not trained on new" in failure(capsys, "models", "promote", "1", "--plant", "new")
    call(capsys, "models", "rollback", "--plant", "old")
    assert serving(capsys) == {("1", "old"), ("2", "new")}


def test_a_shadow_is_published_and_does_not_serve(
    trained_on: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    made_ = call(capsys, "train", "--fast", "--plant", "old", "--shadow", "--until", "2014-07-15")
    assert made_["role"] == "shadow" and set(made_["scores"]["candidate"]) == {"old"}
    (listed,) = call(capsys, "models", "list")
    assert not listed["serves"]


def test_what_cannot_be_done_is_one_plain_line(
    trained_on: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "knows no plant nobody" in failure(capsys, "train", "--plant", "nobody")
    assert "no telemetry to train on" in failure(capsys, "train", "--until", "2000-01-01")
    assert "knows no plant nobody" in failure(capsys, "train", "--for", "nobody")
    assert "there is no release 7" in failure(capsys, "models", "promote", "7")
    assert "no forecast of old" in failure(capsys, "forecast", "old")


def test_there_is_one_training_at_a_time(trained_on: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with one_at_a_time(trained_on):
        assert "another training runs" in failure(capsys, "train", "--fast")
    assert "knows no plant nobody" in failure(capsys, "train", "--plant", "nobody")
