"""However much is said of a plant, its state fits one record, and worker and sink refuse the same."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from consumers.intake import Reader, Taken
from consumers.registry import Registry
from infra.topics import CHECKPOINTS, JOURNAL, LARGE_BYTES, REJECTED, topic
from models.engine import Engine
from models.outlook import PENDING_KEPT
from models.steps import EngineSettings
from models.units import MOST as UNITS
from models.validate_control import LARGEST_RUN, LONGEST_TEXT, MOST_VERSIONS
from streams.records import PlainRecords
from streams.turns import process
from tests import output_records as made
from tests.fuzz import corpus, episode
from tests.fuzz.mutate import Record

HOUR_MS = 3_600_000


def play(records: list[Record], cut: int = 500) -> tuple[Engine, list[tuple[int, str]], int]:
    """The plant `h0`, then the records: the engine, what was refused, and units that were ignored."""
    engine = Engine(EngineSettings(), episode.load)
    records = [("PlantVersion", made.plant("h0")), *records]
    payloads = corpus.encoded(episode.CODEC, records)
    refused: list[tuple[int, str]] = []
    ignored = 0
    for start in range(0, len(records), cut):
        part = slice(start, start + cut)
        keys: list[bytes | None] = [corpus.key(record) for record in records[part]]
        offsets = np.arange(start, start + len(keys))
        journal = PlainRecords(JOURNAL, 0, offsets, keys, list(payloads[part]))
        done = process(episode.CODEC, [(engine, journal)])
        refused += [(bad.offset, bad.reason.value) for bad in done.bad]
        ignored += done.outputs.counts["units_ignored"]
    return engine, refused, ignored


def by_sink(records: list[Record]) -> int:
    """How many the sink refuses."""
    records = [("PlantVersion", made.plant("h0")), *records]
    payloads = corpus.encoded(episode.CODEC, records)
    taken = [
        Taken(JOURNAL, 0, n, corpus.key(record), payload)
        for n, (record, payload) in enumerate(zip(records, payloads, strict=True))
    ]
    return sum(Reader(episode.CODEC).read(taken, Registry()).refused.values())


def scans(count: int, unit_id: str = "unit") -> list[Record]:
    readings = [{"unit_id": "T1", "power_kw": 1.0, "wind_speed_ms": None, "status": None}]
    return [
        ("Telemetry", made.scan("h0", 0, 9.0, units=[readings[0] | {"unit_id": f"{unit_id}{n}"}]))
        for n in range(count)
    ]


def test_units_beyond_a_thousand_and_endless_names_are_counted_and_left_out() -> None:
    at = [made.T0_MS + n for n in range(UNITS + 300)]
    records = [
        (name, r | {"event_time": t, "known_at": t}) for (name, r), t in zip(scans(len(at)), at, strict=True)
    ]
    records += [(n, r | {"event_time": at[-1] + 5, "known_at": at[-1] + 5}) for n, r in scans(1, "x" * 5000)]
    engine, refused, ignored = play(records)
    assert not refused
    assert ignored == 301
    assert engine.fleet.units.names[0] == [f"unit{n}" for n in range(UNITS)]
    assert len(engine.snapshot("h0").state) < LARGE_BYTES


def test_a_plant_has_a_bounded_number_of_versions_and_any_of_them_can_be_corrected() -> None:
    versions = [("PlantVersion", made.plant("h0", n * 1000)) for n in range(1, MOST_VERSIONS + 200)]
    correction = ("PlantVersion", made.plant("h0", 1000, capacity_kw=777.0))
    _, refused, _ = play([*versions, correction])
    assert {reason for _, reason in refused} == {"bad_plant"}
    assert [offset for offset, _ in refused] == list(range(MOST_VERSIONS, MOST_VERSIONS + 200))
    assert by_sink([*versions, correction]) == len(refused)


def test_runs_that_wait_for_a_time_that_never_comes_do_not_pile_up() -> None:
    far = [made.T0_MS + (9000 + n) * HOUR_MS for n in range(500)]
    runs: list[Record] = [
        ("WeatherRun", made.run("h0", 3, published_at=t, known_at=t, valid_at=[t + h for h in (1, 2, 3)]))
        for t in far
    ]
    engine, refused, _ = play(runs)
    assert not refused
    waiting = engine.fleet.outlooks[0].pending
    assert [run.published_at_ms for run in waiting] == far[-PENDING_KEPT:]


@pytest.mark.parametrize(
    "change",
    [
        {"source": "s" * (LONGEST_TEXT + 1)},
        {"columns": [{"name": "c" * (LONGEST_TEXT + 1), "values": [1.0] * 3}]},
        {"columns": [{"name": f"c{n}", "values": [1.0] * 3} for n in range(2001)]},
        {"valid_at": [made.T0_MS + n for n in range(1300)]}
        | {"columns": [{"name": f"c{n}", "values": [1.0] * 1300} for n in range(LARGEST_RUN // 1300 + 1)]},
    ],
    ids=["a name without end", "a column without end", "too many columns", "too many values"],
)
def test_a_run_that_would_not_fit_a_state_is_refused_by_worker_and_sink(change: dict[str, Any]) -> None:
    runs: list[Record] = [("WeatherRun", made.run("h0", **change | {"points": []}))]
    _, refused, _ = play(runs)
    assert refused == [(1, "bad_run")]
    assert by_sink(runs) == 1


def test_the_largest_of_everything_fits_one_record() -> None:
    """Runs that count, runs that wait, units, versions: each as much as is accepted."""
    end = made.T0_MS + 9 * HOUR_MS
    near: list[Record] = []
    for at in range(made.T0_MS, made.T0_MS + 8 * HOUR_MS, HOUR_MS):
        near += [largest_run(at, f"source-{at}"), tick(at)]
    far = [largest_run(made.T0_MS + (9000 + n) * HOUR_MS, "source") for n in range(4)]
    versions: list[Record] = [
        ("PlantVersion", made.plant("h0", n * 1000, timezone="z" * LONGEST_TEXT)) for n in range(1, 500)
    ]
    named = [(n, r | {"event_time": end, "known_at": end}) for n, r in scans(UNITS, "u" * 190)]
    named = [(n, r | {"event_time": end + at}) for at, (n, r) in enumerate(named)]
    engine, refused, ignored = play([*versions, *near, *named, tick(end + HOUR_MS), *far])
    assert not refused and not ignored
    outlook = engine.fleet.outlooks[0]
    assert (len(outlook.runs), len(outlook.pending), len(outlook.versions)) == (8, 4, 500)
    assert 6_000_000 < len(engine.snapshot("h0").state) < LARGE_BYTES - 500_000


def tick(at: int) -> Record:
    return "Tick", {"plant_id": "h0", "event_time": at, "known_at": at}


def largest_run(at: int, source: str) -> Record:
    columns = [
        {"name": f"column_{c}", "values": [None] * 383 + [float(c)]} for c in range(LARGEST_RUN // 384)
    ]
    valid = [at + (hour + 1) * HOUR_MS for hour in range(384)]
    fields = dict[str, Any](published_at=at, known_at=at, valid_at=valid, columns=columns, points=[])
    return "WeatherRun", made.run("h0", source=source, **fields)


def test_a_refused_record_of_any_size_has_room_beside_its_origin() -> None:
    for name in (REJECTED, CHECKPOINTS):
        assert int(topic(name).config(_Settings())["max.message.bytes"]) == LARGE_BYTES  # type: ignore[arg-type]


class _Settings:
    journal_days = 1


def test_the_same_version_again_holds_again_for_the_sink_as_for_the_worker() -> None:
    """A, then B of the same time, then A: the scan that only A takes is no reject."""
    first, other = made.plant("h0", 0, capacity_kw=1000.0), made.plant("h0", 0, capacity_kw=10.0)
    records = [("PlantVersion", p) for p in (first, other, first)] + [
        ("Telemetry", made.scan("h0", 0, 900.0))
    ]
    assert play(list(records))[1] == []
    assert by_sink(list(records)) == 0


def test_no_forecast_is_a_bit_above_its_capacity() -> None:
    """20,000 steps of a 20,000th of this capacity are one bit more than it."""
    capacity_kw = 940.063220491006
    assert 20_000 * (capacity_kw / 20_000) > capacity_kw
    records: list[Record] = [("PlantVersion", made.plant("h0", 0, capacity_kw=capacity_kw))]
    at = made.T0_MS
    valid = [at + (h + 1) * HOUR_MS for h in range(48)]
    columns = [{"name": "wind_speed_100m_ms", "values": [14.0] * 48}]
    run = made.run("h0", published_at=at, known_at=at, valid_at=valid, columns=columns, points=[])
    records.append(("WeatherRun", run))
    records += [("Telemetry", made.scan("h0", step, capacity_kw)) for step in range(200)]
    items = [(corpus.key(r), p) for r, p in zip(records, corpus.encoded(episode.CODEC, records), strict=True)]
    engine = Engine(EngineSettings(), episode.load)
    keys, values = [key for key, _ in items], [value for _, value in items]
    records = PlainRecords(JOURNAL, 0, np.arange(len(items)), list(keys), list(values))
    done = process(episode.CODEC, [(engine, records)])
    most = max(float(block.power_kw.max()) for block in done.outputs.forecasts)
    assert most == capacity_kw


def test_bent_records_are_the_same_for_the_same_seed() -> None:
    assert episode.bent(5, 50) == episode.bent(5, 50)
    assert corpus.journal_records(Random(3), 5) == corpus.journal_records(Random(3), 5)


def test_a_version_that_no_table_can_hold_counts_neither_for_the_worker_nor_for_the_sink() -> None:
    versions: list[Record] = [("PlantVersion", made.plant("h0", 1, capacity_kw=5.0, timezone="\0"))]
    records: list[Record] = [*versions, ("Telemetry", made.scan("h0", 0, 900.0))]
    assert play(records)[1] == [(1, "bad_plant")]
    assert by_sink(records) == 1
