"""What a process answers with before anything has happened: alerts go by it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, cast

import pytest

from consumers.alerts.courier import OUTCOMES, Courier
from consumers.progress import show_tables
from consumers.tables import TABLES
from infra import metrics
from schemas.rungs import LADDER
from streams import meter
from tests.promql_names import ROOT, Asked, known, rules

#: Numbers of every process, whatever part it is, that say nothing wrong while they are 0.
FROM_THE_START = {"gridcast_plants", "gridcast_sink_retries_total"}


class _Outbox:
    channel = "never-sent"


def test_no_alert_is_told_by_a_number_that_every_process_shows_as_0() -> None:
    """A gauge without labels is 0 from the start in processes that never set it."""
    asked = {
        name
        for rule in (*rules("alert"), *rules("record"))
        for name, _ in Asked(rule["expr"], known()).selectors
        if name.startswith("gridcast_")
    }
    code = "from infra.metrics import exposition; print(exposition().decode())"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    names = {line.split()[0].partition("{")[0] for line in shown.split("\n") if line and line[0] != "#"}
    assert "gridcast_plants" in names
    assert asked & names <= FROM_THE_START


def values(counter: Any, label: str) -> dict[str, float]:
    (family,) = counter.collect()
    return {one.labels[label]: one.value for one in family.samples if one.name.endswith("_total")}


def test_counters_whose_rise_is_told_are_there_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.FORECASTS, "_metrics", {})
    monkeypatch.setattr(metrics.SINK_CONFLICTS, "_metrics", {})
    monkeypatch.setattr(metrics.ALERT_DELIVERIES, "_metrics", {})
    meter.show_rungs()
    show_tables()
    Courier(cast(Any, _Outbox()), cast(Any, None), "again", 1.0)
    assert values(metrics.FORECASTS, "rung") == {rung.name.lower(): 0.0 for rung in LADDER}
    assert values(metrics.SINK_CONFLICTS, "table") == {table.name: 0.0 for table in TABLES}
    assert values(metrics.ALERT_DELIVERIES, "outcome") == dict.fromkeys(OUTCOMES, 0.0)
