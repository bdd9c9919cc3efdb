"""Whether a release is fit to serve at all: how fast it answers, judged once, where it was trained.

A worker refuses a release only for what is the same everywhere; speed depends on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.forecast import limits
from models.forecast.base import KNOTS, TRAILING_HOURS, CorrectionInput
from models.forecast.run_hours import hour_grid
from models.release import Release
from models.training.dataset import PlantHistory

STEPS = 66  # of one forecast of a plant of 15 min
BATCH = 64  # forecasts at once, as in a busy worker
SLOWEST_FORECAST_US = 1000.0  # a hundred plants a second and core, with room for a busy machine
SLOWEST_RUN_MS = 5000.0
_TRIES = 3


@dataclass(frozen=True)
class Fitness:
    """Processor time of one forecast of 66 steps in a batch [us], and of the base of one weather run [ms],
    None without runs.
    """

    forecast_us: float
    run_ms: float | None

    @property
    def trouble(self) -> str | None:
        """Why the release may not serve; None where it may."""
        if self.forecast_us > SLOWEST_FORECAST_US:
            return f"one forecast takes {self.forecast_us:.0f} us, more than {SLOWEST_FORECAST_US:.0f}"
        if self.run_ms is not None and self.run_ms > SLOWEST_RUN_MS:
            return f"one weather run takes {self.run_ms:.0f} ms, more than {SLOWEST_RUN_MS:.0f}"
        return None

    def to_json(self) -> dict[str, Any]:
        """For a manifest."""
        run_ms = None if self.run_ms is None else round(self.run_ms, 2)
        return {"forecast_us": round(self.forecast_us, 1), "run_ms": run_ms}


def measure(release: Release, histories: Sequence[PlantHistory], clock: Callable[[], float]) -> Fitness:
    """The best of three tries each; `clock` tells seconds of this process."""
    x = _batch(sorted(release.manifest.get("plants", {})) or ["nobody"])
    lowest = np.zeros(BATCH)

    def forecasts() -> None:
        limits.publish(release.correct(x), lowest, x.daylight)

    return Fitness(_fastest(forecasts, clock) / BATCH * 1e6, _run_ms(release, histories, clock))


def _run_ms(release: Release, histories: Sequence[PlantHistory], clock: Callable[[], float]) -> float | None:
    newest = [(h.plant, h.runs[-1]) for h in histories if h.runs and h.runs[-1].valid_at_ms.size]
    if not newest:
        return None

    def bases() -> None:
        for plant, run in newest[:4]:
            release.base(plant, run, hour_grid(run.valid_at_ms))

    return _fastest(bases, clock) / len(newest[:4]) * 1e3


def _fastest(act: Callable[[], None], clock: Callable[[], float]) -> float:
    times = []
    for _ in range(_TRIES):
        began = clock()
        act()
        times.append(clock() - began)
    return min(times)


def _batch(plant_ids: Sequence[str]) -> CorrectionInput:
    """Issues as a worker has them: a day of telemetry behind, 15 min steps to 6 h, then hours to 48 h."""
    draw = np.random.default_rng(66)
    knots = len(KNOTS)
    ends_s = np.concatenate([np.arange(1, 25) * 900.0, 21_600.0 + np.arange(1, 43) * 3600.0])
    lead_s = np.tile(ends_s, (BATCH, 1))
    return CorrectionInput(
        plant_ids=[plant_ids[i % len(plant_ids)] for i in range(BATCH)],
        is_solar=np.arange(BATCH) % 2 == 1,
        last=draw.random(BATCH),
        last_age_s=np.zeros(BATCH),
        base_last=np.sort(draw.random((BATCH, knots))),
        trailing=draw.random((BATCH, TRAILING_HOURS)),
        base_trailing=np.sort(draw.random((BATCH, TRAILING_HOURS, knots))),
        usual_last=np.sort(draw.random((BATCH, knots))),
        usual_trailing=np.sort(draw.random((BATCH, TRAILING_HOURS, knots))),
        base=np.sort(draw.random((BATCH, STEPS, knots))),
        lead_s=lead_s,
        interval_s=np.where(lead_s <= 21_600.0, 900.0, 3600.0),
        daylight=np.ones((BATCH, STEPS), np.bool_),
        hour_of_day=lead_s / 3600.0 % 24.0,
        issue_hour=np.full(BATCH, 11.0),
        weather_based=np.ones((BATCH, STEPS), np.bool_),
        physical=np.zeros((BATCH, STEPS), np.bool_),
    )
