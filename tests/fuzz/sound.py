"""What must hold of any output and of any state, whatever came in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from models.engine import Engine
from models.outputs import Outputs
from schemas.scores import records_of

#: More than a plant with hundreds of units, runs and versions has; records must not make it grow further.
LARGEST_STATE_BYTES = 24_000_000


class Unsound(AssertionError):
    """An output or a state that no record may lead to."""


def check_outputs(outputs: Outputs) -> int:
    """Raise `Unsound` where a number is none; returns how many forecasts there are."""
    count = 0
    for block in outputs.forecasts:
        count += len(block)
        if not np.isfinite(block.power_kw).all() or not np.isfinite(block.capacity_kw).all():
            raise Unsound(f"a forecast of {block.plant_id} is not finite")
        if (np.diff(block.power_kw, axis=2) < 0).any():
            raise Unsound(f"the quantiles of a forecast of {block.plant_id} do not rise")
        if (block.power_kw > block.capacity_kw[:, None, None]).any():
            most = block.power_kw.max(axis=(1, 2)).tolist()
            raise Unsound(f"{block.plant_id}: {most} kW of {block.capacity_kw.tolist()} kW")
    kinds = {"anomalies": outputs.anomalies, "drift": outputs.drift, "scores": records_of(outputs.scores)}
    for kind, records in kinds.items():
        for record in records:
            for name, value in _numbers(record):
                if not np.isfinite(value):
                    raise Unsound(f"{kind}: {name} is {value} in {record}")
    return count


def _numbers(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        yield from ((name, one) for one in values if isinstance(one, float))


def check_state(engine: Engine) -> None:
    """Raise `Unsound` where a column holds what is no number (NaN where nothing is known is one), or where
    a plant has grown beyond all bounds.
    """
    for state in (engine.fleet.state, engine.fleet.units.columns, engine.fleet.shadows.columns):
        for field in state.fields:
            values = state[field.name][: state.size]
            # Some begin with "unknown" (NaN) or "never" (infinite): those may be so again.
            strange = values[~np.isfinite(values)] if values.dtype.kind == "f" else values[:0]
            if len(strange) and not np.array_equal(
                strange, np.full_like(strange, field.fill), equal_nan=True
            ):
                raise Unsound(f"the state's {field.name} is {strange[0]}")
    for plant_id in engine.plants:
        for outlook in engine.outlooks(plant_id):
            if np.isinf(outlook.weather.knots).any() or np.isinf(outlook.climatology.knots).any():
                raise Unsound(f"the outlook of {plant_id} is infinite")
        size = len(engine.snapshot(plant_id).state)
        if size > LARGEST_STATE_BYTES:
            raise Unsound(f"the state of {plant_id} has {size} bytes")
