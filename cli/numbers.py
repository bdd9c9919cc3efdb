"""Numbers on the command line."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

import click

#: What every library that draws by it takes.
SEED: Final = click.IntRange(0, 2**31 - 1)


class Amount(click.FloatRange):
    """A finite number within bounds: `nan` passes every comparison that would refuse it."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if not isfinite(found):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return found
