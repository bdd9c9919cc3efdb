"""What a prediction of a place costs a processor, once its weather is known.

    python -m benchmarks.predict_cost [--count 50]

By CPU time, so that others on the machine do not count. The HTTP around it costs as much as any other answer.
"""

from __future__ import annotations

import time
from typing import Literal

import click
import numpy as np
from pydantic_core import to_json

from cli.output import emit
from consumers.predictions.asked import PlaceAsked
from consumers.predictions.predictor import of_place
from models.steps import DEFAULT_LEVELS
from schemas.codec import Codec
from schemas.records import WeatherRun

_HOURS = 72
_HOUR_MS = 3_600_000


@click.command()
@click.option("--count", type=click.IntRange(1), default=50, show_default=True)
def main(count: int) -> None:
    """Measure, and say it."""
    kinds: tuple[Literal["wind", "solar"], ...] = ("wind", "solar")
    told = {f"{kind}, {hours} h": _cost_ms(kind, hours, count) for kind in kinds for hours in (24, 48)}
    emit(told, False, [f"{name}: {cost_ms:.1f} ms of a processor" for name, cost_ms in told.items()])


def _cost_ms(kind: Literal["wind", "solar"], hours: int, count: int) -> float:
    codec, run = Codec(), _run()
    asked = PlaceAsked(latitude=48.45, longitude=5.6, kind=kind, capacity_kw=8200.0, hours=hours)
    of_place(asked, run, True, DEFAULT_LEVELS, codec)
    began_s = time.process_time()
    for _ in range(count):
        to_json(of_place(asked, run, True, DEFAULT_LEVELS, codec))
    return 1000 * (time.process_time() - began_s) / count


def _run() -> WeatherRun:
    """Wind and sun of three days from now on."""
    now_ms = time.time_ns() // 1_000_000
    valid_at_ms = (now_ms // _HOUR_MS + np.arange(_HOURS)) * _HOUR_MS
    day = np.sin(np.arange(_HOURS) / 24 * 2 * np.pi)
    columns = {
        "wind_speed_80m_ms": 8.0 + 3.0 * day,
        "wind_speed_120m_ms": 9.0 + 3.0 * day,
        "shortwave_radiation_w_m2": np.maximum(600.0 * day, 0.0),
        "temperature_2m_c": 10.0 + 5.0 * day,
    }
    return WeatherRun("", "benchmark", now_ms, now_ms, valid_at_ms, columns)


if __name__ == "__main__":
    main()
