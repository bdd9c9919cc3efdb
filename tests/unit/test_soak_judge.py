"""What a soak counts as a promise kept or broken."""

from __future__ import annotations

import numpy as np
import pytest

from tests.soak.judge import GROWTH_MB, MOST_GROWTH, Soak, memory

MINUTE_S = np.arange(600.0)


def soak(rss_mb: np.ndarray, **more: object) -> Soak:
    values: dict = {"lag": {"worker": 5, "sink": 5}, "ended": {}, "unequal": []} | more
    return Soak(10, [memory("sink", MINUTE_S.tolist(), rss_mb.tolist())], **values)


def test_what_rises_and_then_stays_is_bounded() -> None:
    noise = np.random.default_rng(1).normal(0, 10, 600)
    kept = soak(np.minimum(MINUTE_S * 2, 300) + noise)
    assert kept.broken == []
    assert kept.verdict().startswith("kept for 10 min")


def test_what_goes_on_growing_is_told_with_how_much() -> None:
    found = soak(200 + MINUTE_S * 0.5).broken
    assert found == [f"sink grew by 150 MB over the second half ({MOST_GROWTH * 425 + GROWTH_MB:.0f})"]


def test_one_spike_is_no_trend_but_may_be_too_much() -> None:
    held = np.full(600, 200.0)
    held[450:460] = 900.0
    made = soak(held)
    assert made.memories[0].slope_mb_min == pytest.approx(0.0, abs=0.1)
    assert made.broken == ["sink held 900 MB (700)"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"ended": {"worker": 70}}, "the worker ended with 70"),
        ({"unequal": ["3 forecasts are missing in PostgreSQL"]}, "3 forecasts are missing in PostgreSQL"),
        ({"lag": {"sink": 0}}, "the lag of the sink never grew: it was not tried"),
    ],
)
def test_each_other_promise_can_be_broken(more: dict, told: str) -> None:
    made = soak(np.full(600, 200.0), **more)
    assert made.broken == [told]
    assert told in made.verdict()
