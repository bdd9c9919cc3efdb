"""A worker whose engine breaks on one value: stands for a fault that nobody has found yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.main import main
from models import turn
from models.turn import Share

BREAKING_KW = 666.5
_apply = turn.apply


def apply(shares: Sequence[Share], speak: bool = True) -> Any:
    """Apply the turn, then break: none of its engines is to be used any more."""
    made = _apply(shares, speak)
    if any((batch.telemetry.power_kw == BREAKING_KW).any() for _, batch in shares):
        raise ZeroDivisionError("a fault in the engine")
    return made


if __name__ == "__main__":
    turn.apply = apply
    main()
