"""A worker whose engine breaks on one value: stands for a fault that nobody has found yet."""

from __future__ import annotations

from typing import Any

from cli.main import main
from models.engine import Engine

BREAKING_KW = 666.5
_apply = Engine.apply


def apply(self: Engine, batch: Any, speak: bool = True) -> Any:
    """Apply half of the batch, then break."""
    if (batch.telemetry.power_kw == BREAKING_KW).any():
        _apply(self, batch, speak)
        raise ZeroDivisionError("a fault in the engine")
    return _apply(self, batch, speak)


if __name__ == "__main__":
    Engine.apply = apply  # type: ignore[method-assign]
    main()
