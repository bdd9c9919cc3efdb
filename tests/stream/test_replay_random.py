"""A replay of any range says what the live run said, however either of them went."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from consumers.identity import said
from models.engine import Engine
from tests.journals import Item, plant, scan
from tests.seeds import first_seed
from tests.stream.live_run import CODEC, DAY_MIN, days_of, range_of
from tests.stream.random_live import Life, split

DAYS = 1
BREAKING_KW = 666.5
_apply = Engine.apply


def story(seed: int) -> list[Item]:
    """Days with releases in every role, refused and corrected scans, an era of its own, a plant that comes
    later; and a plant that changes its capacity twice, once from a time that is past by then.
    """
    rng = np.random.default_rng(seed)
    items = days_of(DAYS, seed)
    at = sorted(rng.choice(np.arange(10, len(items)), 2, replace=False))
    later = plant("a", valid_from_ms=range_of(rng.uniform(0, DAYS * DAY_MIN), 0).from_ms, capacity_kw=1300.0)
    past = plant("a", valid_from_ms=range_of(-DAY_MIN, 0).from_ms, capacity_kw=900.0)
    return [*items[: at[0]], later, *items[at[0] : at[1]], past, *items[at[1] :]]


def _seeds() -> list[int]:
    """`REPLAY_RUNS` of them from `REPLAY_SEED` on; without it others each time, and named by the test."""
    first = first_seed("REPLAY_SEED")
    return [first + n for n in range(int(os.environ.get("REPLAY_RUNS", "2")))]


SEEDS = _seeds()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_the_batches_the_crashes_the_checkpoints_and_the_workers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, DAYS * DAY_MIN)
    part = range_of(start, start + rng.uniform(60, DAYS * DAY_MIN))
    together: dict[str, bytes] = {}
    for journal in split(story(seed), int(rng.integers(1, 4)), rng):
        life = Life(journal, rng)
        life.run()
        forecasts, events, left_out = life.again(part, rng)
        assert forecasts == life.issued(part), (seed, life.lives)
        assert events == life.events(part), (seed, life.lives)
        assert left_out == set()
        together |= forecasts
    # Nor does it matter who stood beside whom, but for the places in the journal.
    whole = Life(split(story(seed), 1, rng)[0], rng).again(part, rng)[0]
    assert {name: numbers(one) for name, one in together.items()} == {n: numbers(o) for n, o in whole.items()}


def numbers(forecast: bytes) -> bytes:
    """What a forecast says, wherever its telemetry stood."""
    return said("Forecast", CODEC.decode(forecast)[1])


def breaking(self: Engine, batch: Any, speak: bool = True) -> Any:
    """Apply half of the batch, then break."""
    if (batch.telemetry.power_kw == BREAKING_KW).any():
        _apply(self, batch, speak)
        raise ZeroDivisionError("a fault in the engine")
    return _apply(self, batch, speak)


@pytest.mark.parametrize("seed", SEEDS[:-1])
def test_a_record_that_the_engine_breaks_on_is_left_out_of_a_replay_too(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "apply", breaking)
    rng = np.random.default_rng(seed)
    items = story(seed)
    for at in sorted(rng.choice(np.arange(len(items) // 3, len(items)), 4, replace=False), reverse=True):
        items.insert(at, scan("a", at / len(items) * DAYS * DAY_MIN, BREAKING_KW))
    items.insert(at, scan("a", at / len(items) * DAYS * DAY_MIN + 1, BREAKING_KW))  # two side by side
    journal = split(items, 1, rng)[0]
    poison = frozenset(
        n for n, item in enumerate(items) if isinstance(item, tuple) and item[2] == BREAKING_KW
    )
    life = Life(journal, rng, poison)
    life.run()
    part = range_of(0.2 * DAY_MIN, DAYS * DAY_MIN)
    forecasts, events, left_out = life.again(part, rng)
    assert left_out
    assert left_out <= poison, "what a state holds already is not read again"
    assert forecasts == life.issued(part) != {}
    assert events == life.events(part)
    assert life.lives > 1, "it ended and began again"
    assert life.repeats > 0, "records came twice"
