"""A replay from the topics has the digest of the live run, and leaves the live topics alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import TopicPartition

from cli.main import run
from cli.output import iso
from infra.kafka import admin, await_admin
from infra.settings import Settings
from infra.topic_reader import spans
from infra.topics import ANOMALIES, CHECKPOINTS, FORECASTS, JOURNAL, PLANTS, TOPICS, WEATHER_RUNS
from tests.integration.workers import (
    HOUR_MS,
    PLANT_IDS,
    START_MS,
    await_true,
    caught_up,
    contents,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
    weather_runs,
)


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `gridcast` on the test's servers: exit code, and what it printed on both channels."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))

    def gridcast(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return gridcast


def live_run(settings: Settings) -> None:
    """Three days of twelve plants, done by a worker that writes its states down all the time."""
    with running(settings, checkpoint_every_s=0.5) as worker:
        for topic, records in ((PLANTS, plant_versions()), (WEATHER_RUNS, weather_runs())):
            send(settings, records)
            await_true(lambda topic=topic: caught_up(settings, topic), worker=worker)  # type: ignore[misc]
        for day in range(3):
            send(settings, hours_of_telemetry(24 * day, 24 * (day + 1)))
            await_true(lambda: caught_up(settings) and written_down(settings), 120, worker)
        assert worker.stop() == 0, worker.said()


def written_down(settings: Settings) -> bool:
    """Whether the states are those of the journal's end: then each day has kept its last one."""
    markers = [record for name, record in contents(settings, CHECKPOINTS) if name == "Marker"]
    marked = {record["partition"]: record["journal_offset"] for record in markers}
    ends = {number: span.end - 1 for number, span in spans(settings, JOURNAL).items()}
    return marked == ends


def ends(settings: Settings) -> dict[str, Any]:
    return {topic.name: spans(settings, topic.name) for topic in TOPICS}


@pytest.mark.slow
def test_a_replay_has_the_digest_of_the_live_run(settings: Settings, command: Any, tmp_path: Path) -> None:
    live_run(settings)
    days = {record["day"] for name, record in contents(settings, CHECKPOINTS) if name == "Checkpoint"}
    assert len(days - {""}) >= 2
    before = ends(settings)
    part = ("--from", iso(START_MS + 30 * HOUR_MS), "--to", iso(START_MS + 55 * HOUR_MS))

    table = tmp_path / "again.parquet"
    code, said, _ = command("replay", *part, "--as", "again", "--out", str(table), "--json")
    told = json.loads(said)
    assert code == 0
    assert told["forecasts"] == 25 * len(PLANT_IDS)
    assert set(told["states_of"]) == set(PLANT_IDS)
    assert told["records_read"] < sum(span.end for span in before[JOURNAL].values())
    assert ends(settings) == before
    for topic in (FORECASTS, ANOMALIES):
        code, said, _ = command("digest", topic, *part, "--diff", f"{topic}.again", "--json")
        assert json.loads(said)["diff"]["same"], said
        assert code == 0
    rows = pq.read_table(table)
    assert set(rows.column("plant_id").to_pylist()) == set(PLANT_IDS)
    assert {"0.05", "0.1", "0.5", "0.95", "rung", "release"} <= set(rows.column_names)

    code, said, _ = command("score", "again", "--against", "live", "--json")
    scored = json.loads(said)
    assert code == 0
    assert {one["plant_id"] for one in scored["scores"]} == {*PLANT_IDS, "all"}
    assert all(one["skill_against"] in (0.0, None) for one in scored["compared"])

    one = ("--as", "one", "--plants", PLANT_IDS[3])
    assert command("replay", *part, *one)[0] == 0
    _, said, _ = command("digest", f"{FORECASTS}.one", "--diff", f"{FORECASTS}.again", "--json")
    assert PLANT_IDS[3] not in json.loads(said)["diff"]["differing"]

    code, _, error = command("replay", *part, "--as", "none", "--plants", "nowhere")
    assert (code, "knows no plant nowhere" in error) == (1, True)
    assert command("replay", "--from", part[3], "--to", part[1], "--as", "again")[0] == 2
    assert command("replay", *part, "--as", "latest")[0] == 1

    _forget_the_beginning(settings)
    code, _, error = command("replay", *part, "--as", "late")
    assert code == 1
    earliest = error.split("the earliest possible --from is ")[1].strip()
    assert command("replay", "--from", earliest, "--to", part[3], "--as", "late")[0] == 0
    _, said, _ = command(
        "digest", FORECASTS, "--from", earliest, "--to", part[3], "--diff", f"{FORECASTS}.late", "--json"
    )
    assert json.loads(said)["diff"]["same"]


def _forget_the_beginning(settings: Settings) -> None:
    """What retention does: three fifths of the journal go."""
    held = spans(settings, JOURNAL)
    client = admin(settings)
    kept = [TopicPartition(JOURNAL, number, span.end * 3 // 5) for number, span in held.items()]
    for future in client.delete_records(kept).values():
        await_admin(future, "delete records", 20)
