"""A board says what the spans of its plants say, whatever has happened to them since it was written."""

from __future__ import annotations

from functools import partial

import numpy as np

from models.board import Board
from models.forecast.base import KNOTS
from models.release import Base
from models.spans import Span, Spans


def speak(span: Span, first: int, hours: int, published_ms: int, rng: np.random.Generator) -> None:
    """Take a run of some hours, some of them of the physical start."""
    q = np.sort(rng.random((hours, len(KNOTS))).astype(np.float32), axis=1).astype(np.float64)
    span.write(np.arange(first, first + hours), Base(q, rng.random(hours) < 0.3), published_ms)


def test_the_board_says_what_the_spans_say() -> None:
    rng, board = np.random.default_rng(0), Board()
    spans = [Span() for _ in range(12)]
    clock = rng.integers(300_000, 500_000, len(spans))  # years apart
    for turn in range(60):
        for slot in rng.choice(len(spans), 3, replace=False).tolist():
            kind = rng.integers(4)
            if kind == 0:
                spans[slot] = Span()  # another plant, or another release
            elif kind == 1:
                spans[slot].forget_before(int(clock[slot]) - 26)
            else:
                speak(spans[slot], int(clock[slot]) - 20, int(rng.integers(1, 200)), turn, rng)
        slots = rng.permutation(len(spans))[: rng.integers(1, len(spans) + 1)]
        clock[slots] += rng.integers(0, 30, len(slots))
        hours = clock[slots, None] + np.arange(-25, 49)
        mine = [spans[slot] for slot in slots.tolist()]
        scale = rng.uniform(0.5, 1.5, len(slots))
        found = board.of(slots, mine, (hours.min(axis=1), hours.max(axis=1) + 1))
        wanted = Spans.of(mine)
        np.testing.assert_array_equal(found.starts(hours), wanted.starts(hours))
        said, meant = (one.scaled(partial(np.copy, scale))(hours) for one in (found, wanted))
        np.testing.assert_array_equal(said, meant)
        assert said.shape == (*hours.shape, len(KNOTS))
