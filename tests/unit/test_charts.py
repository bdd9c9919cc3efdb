"""What the pictures of coverage and of a training show, and that they are files."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from consumers.coverage_chart import DAY_MS, trailing_coverage
from consumers.learning import curves
from consumers.learning_chart import draw_learning
from consumers.pictures import write_page
from consumers.skill import LeadSteps

HOUR_MS = 3_600_000
START_MS = 19_000 * DAY_MS
PNG = b"\x89PNG"


def hourly(days: int, low: float = 100.0, high: float = 300.0) -> LeadSteps:
    """A band from `low` to `high` kW for every hour of some days, of a plant of 1000 kW."""
    count = days * 24
    return LeadSteps(
        issued_ms=START_MS + np.arange(count) * HOUR_MS,
        lead_s=np.full(count, 3600),
        interval_s=np.full(count, 3600),
        rung=np.zeros(count, np.int64),
        capacity_kw=np.full(count, 1000.0),
        quantiles=np.tile([low, 200.0, high], (count, 1)),
        levels=np.array([0.1, 0.5, 0.9]),
    )


def test_coverage_of_the_fortnight_up_to_a_day() -> None:
    steps = hourly(40)
    # One hour in four lies over the band, in the first 20 days alone.
    over = (np.arange(len(steps)) % 4 == 0) & (np.arange(len(steps)) < 20 * 24)
    actual = np.where(over, 500.0, 200.0)
    days = np.unique(steps.valid_ms // DAY_MS)
    inside = trailing_coverage(steps, actual, days)
    assert inside[15] == pytest.approx(0.75, abs=0.01)
    assert inside[26] == pytest.approx(1 - 0.25 * 8 / 14, abs=0.02)
    assert inside[36] == 1.0
    actual[: 14 * 24] = np.nan
    assert np.isnan(trailing_coverage(steps, actual, days)[5])


def test_an_edge_that_cannot_be_seen_is_not_counted() -> None:
    steps = hourly(20, low=0.0)
    days = np.unique(steps.valid_ms // DAY_MS)
    # Nothing can lie under an edge of nothing, and with no edge seen there is no share.
    assert np.isnan(trailing_coverage(steps, np.full(len(steps), 500.0), days)).all()


def test_curves_are_what_the_manifest_recorded() -> None:
    learning = {
        "net": {"train": [3.0, 2.0, 1.5], "held_back": [3.1, 2.2, 2.4]},
        "dense": {"train": [1.0, 0.5]},
        "closed form": {"train": []},
        "odd": "no curve",
    }
    made = curves("power 3", {"learning": learning})
    assert [(one.release, one.stage, one.train.size, one.held_back.size) for one in made] == [
        ("power 3", "net", 3, 3),
        ("power 3", "dense", 2, 0),
    ]
    assert curves("power 3", {}) == []
    assert curves("power 3", {"learning": [1, 2]}) == []


def test_losses_are_drawn_and_a_page_holds_its_pictures(tmp_path: Path) -> None:
    made = curves("power 3", {"learning": {"net": {"train": [3.0, 2.0], "held_back": [3.1, 2.2]}}})
    draw_learning(made, tmp_path / "learning.png")
    drawn = (tmp_path / "learning.png").read_bytes()
    assert drawn.startswith(PNG)
    page = write_page([tmp_path / "learning.png"], tmp_path / "plots.html").read_text()
    inside = page.split("base64,")[1].split('"')[0]
    assert b64decode(inside) == drawn
    assert page.count("<img") == 1
