"""A worker ends at each point of its writes, on purpose; the next one leads to the same numbers."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter

import pytest

from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topic_reader import read, spans
from infra.topics import CHECKPOINTS, FORECASTS, JOURNAL, RELEASES
from models.engine import Engine
from models.release import cold_start
from models.steps import EngineSettings
from streams.forward import FORWARDED
from streams.records import of_messages
from streams.turns import process
from tests import output_records
from tests.integration import crashing_worker as points
from tests.integration.crashes import (
    await_asleep,
    compact,
    expect_nothing_else,
    journaled,
    take_out_of_the_group,
)
from tests.integration.test_worker import OUTPUTS, expect_what_the_journal_means
from tests.integration.workers import (
    CODEC,
    START_MS,
    RunningWorker,
    await_true,
    caught_up,
    contents,
    differences,
    hours_of_telemetry,
    identities,
    plant_versions,
    running,
    send,
    weather_runs,
)

CRASHING = "tests.integration.crashing_worker"
#: A round of checkpoints after every batch, a commit as often as can be.
BUSY = {"batch_records": 25, "checkpoint_every_s": 0.001, "commit_every_s": 0.05}
HOURS = 4  # of telemetry for each life: some 12 batches
POINTS = (
    points.FIRST_OUTPUT,
    points.OUTPUTS,
    points.FIRST_STATE,
    points.STATES,
    points.MARKER,
    points.COMMIT,
)
#: Each plan is a chain of crashes, one a life: (point, occasion). `make crashes` tries each point alone too.
IN_TURN = [(point, 2 + number % 3) for number, point in enumerate(POINTS)]
ALONE = [[(point, occasion)] for point in POINTS for occasion in (1, 5, 8)]
SHUFFLED = [random.Random(seed).sample(IN_TURN, len(IN_TURN)) for seed in range(4)]
PLANS = [IN_TURN, *SHUFFLED, *ALONE] if os.environ.get("CRASHES") == "all" else [IN_TURN]


def crashing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, point: str, occasion: int, **overrides: object
) -> RunningWorker:
    monkeypatch.setenv("CRASH_POINT", point)
    monkeypatch.setenv("CRASH_OCCASION", str(occasion))
    take_out_of_the_group(settings, settings.worker_group)
    return RunningWorker(settings, module=CRASHING, **{**BUSY, **overrides})


def finish(settings: Settings) -> None:
    """A worker that nothing happens to reads everything to its end."""
    take_out_of_the_group(settings, settings.worker_group)
    with running(settings) as worker:
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0


def plan_name(plan: list[tuple[str, int]]) -> str:
    return ", ".join(f"{point} ({occasion})" for point, occasion in plan)


@pytest.mark.slow
@pytest.mark.parametrize("plan", PLANS, ids=plan_name)
def test_crashes_between_any_two_writes_lose_nothing_and_change_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, plan: list[tuple[str, int]]
) -> None:
    send(settings, journaled())
    for life, (point, occasion) in enumerate(plan):
        send(settings, hours_of_telemetry(HOURS * life, HOURS * (life + 1)))
        worker = crashing(settings, monkeypatch, point, occasion)
        assert worker.wait() == -signal.SIGKILL, worker.said()
        assert not caught_up(settings), f"the crash {point} came too late to matter"
        expect_nothing_else(settings)
    finish(settings)
    assert expect_what_the_journal_means(settings) > 12 * (HOURS * len(plan) - 1)


@pytest.mark.slow
def test_a_late_workers_checkpoints_written_last_change_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sleeps, loses its partitions, wakes up and writes its old states over those of its successor, which
    Kafka then compacts away.
    """
    send(settings, journaled())
    for life, point in enumerate((points.LATE_STATES, points.LATE_MARKER)):
        send(settings, hours_of_telemetry(8 * life, 8 * life + 8))
        late = crashing(settings, monkeypatch, point, 3)
        await_asleep(late)
        finish(settings)
        before = sum(span.end for span in spans(settings, CHECKPOINTS).values())
        late.process.send_signal(signal.SIGCONT)
        assert late.wait() == -signal.SIGKILL, late.said()
        assert sum(span.end for span in spans(settings, CHECKPOINTS).values()) > before
        compact(settings)
    send(settings, hours_of_telemetry(16, 20))
    finish(settings)
    assert expect_what_the_journal_means(settings) > 12 * 19


@pytest.mark.slow
def test_what_was_forwarded_twice_counts_once_also_for_a_worker_of_another_layout(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forwarder dies between its copies into the journal and the commit of what it copied. The last
    worker can read no state that is there, and reads the whole journal.
    """
    send(settings, [record for record in journaled() if CODEC.decode(record.value)[0] == "PlantVersion"])
    send(settings, [*hours_of_telemetry(0, 2), *plant_versions(), *weather_runs(), *releases()])
    for topic in FORWARDED:
        monkeypatch.setenv("CRASH_TOPIC", topic)
        # What another topic's turn is still to copy must not be committed in this one's.
        worker = crashing(settings, monkeypatch, "", 1, commit_every_s=60.0)
        assert worker.wait() == -signal.SIGKILL, worker.said()
    take_out_of_the_group(settings, settings.worker_group)
    with running(settings) as worker:
        for topic in FORWARDED:
            await_true(lambda topic=topic: caught_up(settings, topic), worker=worker)
        send(settings, hours_of_telemetry(2, 8))
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0
    monkeypatch.delenv("CRASH_TOPIC")
    monkeypatch.setenv("OTHER_LAYOUT", "1")
    send(settings, hours_of_telemetry(8, 10))
    with running(settings, module=CRASHING) as worker:
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0
    assert "states of another layout; the whole journal is read instead" in worker.said()
    assert copied_again(settings) == {"PlantVersion", "WeatherRun", "Release"}
    made = once_each(settings)
    for topic in OUTPUTS:
        meant = identities([CODEC.decode(one.value) for one in made if one.topic == topic])
        assert differences(identities(contents(settings, topic)), meant)[:10] == [], topic
    assert sum(one.topic == FORECASTS for one in made) > 12 * 9


def releases() -> list[Outgoing]:
    """Releases of the physical start, so that no artifact is needed: one is published and taken back."""
    cold = {"artifact_sha256": "", "artifact_bytes": 0, "manifest": "{}"}
    first = output_records.release("cold", START_MS, **cold)
    back = output_records.release("cold", START_MS + 1, role="withdrawn", **cold)
    bodies = CODEC.encode("Release", [first, back])
    keys = (b"cold|1", b"cold|2")
    return [Outgoing(RELEASES, key, body, (), 0) for key, body in zip(keys, bodies, strict=True)]


def copied_again(settings: Settings) -> set[str]:
    """The kinds of records of which a partition of the journal holds another copy."""
    held = Counter((m.partition(), m.value()) for batch in read(settings, JOURNAL) for m in batch)
    return {CODEC.decode(payload)[0] for (_, payload), count in held.items() if count > 1}


def once_each(settings: Settings) -> list[Outgoing]:
    """What the journal leads to when second copies are left out of it."""
    made: list[Outgoing] = []
    for partition, span in spans(settings, JOURNAL).items():
        engine = Engine(EngineSettings(levels=settings.levels), lambda _: cold_start())
        messages = [m for batch in read(settings, JOURNAL, {partition: span.first}) for m in batch]
        first = {message.value(): message for message in reversed(messages)}
        kept = sorted(first.values(), key=lambda message: message.offset() or 0)
        made += process(CODEC, [(engine, of_messages(JOURNAL, partition, kept))]).records
    return made
