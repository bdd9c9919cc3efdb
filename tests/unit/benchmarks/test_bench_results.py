"""`results.json` has the shape that others script against, and the page tells it all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.speed import jobs
from benchmarks.speed.page import READERS, page
from benchmarks.speed.results import Results, document

RUN = {
    "command": "python -m benchmarks.run", "commit": "abc1234", "at": "2026-01-01T00:00:00+00:00",
    "machine": {"cpu": "any", "cores": 2, "memory_gb": 8.0, "python": "3.11.7"},
    "load_at_start": 0.1, "load_at_end": 1.9,
}  # fmt: skip
JOBS = {"ingest", "whole", "plain_loop", "ceiling", "faust", "quix", "bytewax"}


def rate(cpu_us: float, per_s: float) -> dict[str, Any]:
    about = {"broker_cpu_us_per_record": 1.0, "runs": 3, "others_cores": 0.1}
    return {"cpu_us_per_record": cpu_us, "records_per_s": per_s, **about}


FIGURES: dict[str, Any] = {
    "ingest": rate(4.0, 210_000), "ingest_units": rate(7.0, 100_000), "plain_loop": rate(6.0, 170_000),
    "ceiling": rate(0.7, 400_000), "whole": rate(11.0, 82_000) | {"forecasts_per_s": 5400},
    "quix": rate(50.0, 12_000), "faust": rate(150.0, 900), "bytewax": {"none": "no results", "runs": 3},
    "latency": {"spread": {"p50": 30, "p99": 200, "n": 9}, "at_once": {"p50": 100, "p99": 390, "n": 9}},
    "restore": {"restore_s": 9.0}, "memory": {"1000": 380.0, "2000": 520.0},
    "sink": {"rows_per_s": 41_000}, "two_workers": rate(4.4, 150_000),
    "plant_year": {"training_s": 60.0, "backtest_s": 20.0},
}  # fmt: skip


def test_results_have_the_shape_of_the_contract_also_where_nothing_ran() -> None:
    for made in (document(FIGURES, RUN), document({}, RUN)):
        assert set(made["cpu_us_per_record"]) == set(made["records_per_s"]) == JOBS
        assert set(made["latency_ms"]) == {"spread", "at_once"}
        assert all(set(one) == {"p50", "p99"} for one in made["latency_ms"].values())
        assert set(made["memory_mb"]) == {"1000", "2000"}
        assert {"restore_s", "sink_rows_per_s", "backtest_s_per_plant_year"} <= set(made)


def test_a_floor_is_kept_broken_or_not_measured_and_never_guessed() -> None:
    kept = {f"{one['name']} {one['unit']}": one["kept"] for one in document(FIGURES, RUN)["floors"]}
    assert kept["ingest without units, one core records/s"] is True
    assert kept["ingest with 8 units, one core records/s"] is False
    assert kept["idiomatic Faust over ingest x CPU"] is False  # 37.5 times
    assert kept["memory, 1,000 plants more MB"] is False
    assert kept["two workers over one x CPU"] is True
    assert {one["kept"] for one in document({}, RUN)["floors"]} == {None}


def test_a_figure_replaces_its_older_one_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for name, cpu_us in (("ingest", 5.0), ("quix", 50.0), ("ingest", 4.0)):
        results = Results(path)
        results.begin([])
        results.add(name, rate(cpu_us, 1.0), 0.1, 3)
    found = json.loads(path.read_text())
    assert found["cpu_us_per_record"]["ingest"] == 4.0
    assert found["cpu_us_per_record"]["quix"] == 50.0
    assert found["run"]["load_at_start"] >= 0


def test_the_page_tells_every_floor_and_says_when_the_machine_was_noisy() -> None:
    quiet = page(document(FIGURES, RUN))
    assert all(one["name"] in quiet for one in document(FIGURES, RUN)["floors"])
    assert "noisy" not in quiet
    assert "noisy" in page(document(FIGURES, RUN | {"load_at_start": 1.4}))
    assert "not run" in page(document({}, RUN))


def test_every_row_of_the_page_is_a_figure_that_can_be_asked_for() -> None:
    assert set(READERS) <= set(jobs.JOBS)
