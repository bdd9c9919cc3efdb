"""Made-up plants with weather and power, and a small release trained on them: for tests of the forecast
models.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from models.forecast.base import HOUR_MS, KNOTS, TRAILING_HOURS, CorrectionInput
from models.release import Release
from models.training.config import NetSettings, TrainConfig
from models.training.dataset import PlantHistory, histories
from models.training.families import small
from models.training.train import train
from schemas.journal import TelemetryColumns, UnitColumns
from schemas.records import PlantKind, PlantVersion, WeatherRun

START_MS = 1_400_000_400_000 // 86_400_000 * 86_400_000
FAR_MS = 10**14
WIND = PlantVersion("wind-1", 0, 0, PlantKind.WIND, 2000.0, 1800)
SOLAR = PlantVersion("solar-1", 0, 0, PlantKind.SOLAR, 50.0, 1800, 47.0, 8.0)
NOWHERE = PlantVersion("solar-2", 0, 0, PlantKind.SOLAR, 50.0, 3600)


def weather(days: int, seed: int = 3) -> dict[str, np.ndarray]:
    """Hourly wind and sunshine of a made-up site from `START_MS` on; the stamp of hour i is its end."""
    rng = np.random.default_rng(seed)
    hours = days * 24
    slow = np.convolve(rng.normal(size=hours + 48), np.ones(12) / 12 * 3.5, "valid")[:hours]
    shine = np.clip(np.sin((np.arange(hours) % 24 - 4.0) / 14.0 * np.pi), 0.0, None) * (
        np.arange(hours) % 24 < 19
    )
    cloud = np.repeat(rng.uniform(20.0, 100.0, days + 1), 24)[:hours]
    return {
        "wind_speed_100m_ms": np.abs(8.0 + 3.0 * slow),
        "wind_direction_100m_deg": (200.0 + 40.0 * np.cumsum(rng.normal(size=hours)) / 8.0) % 360.0,
        "shortwave_radiation_w_m2": 900.0 * shine * (1.0 - 0.7 * cloud / 100.0),
        "cloud_cover_pct": cloud,
        "temperature_2m_c": 12.0 + 8.0 * shine,
    }


def runs(plant: PlantVersion, days: int) -> list[WeatherRun]:
    """A run a day, published at midnight, for 48 h."""
    columns = weather(days + 2)
    made = []
    for day in range(days):
        published = START_MS + day * 86_400_000
        valid = published + np.arange(1, 49, dtype=np.int64) * HOUR_MS
        own = {k: v[day * 24 : day * 24 + 48].copy() for k, v in columns.items()}
        made.append(WeatherRun(plant.plant_id, "made-up", published, published, valid, own))
    return made


def telemetry(plant: PlantVersion, days: int, seed: int = 5) -> TelemetryColumns:
    """Power of the plant at its resolution, with an error that lasts for hours, and holes."""
    rng = np.random.default_rng(seed)
    known = weather(days + 2)
    parts = 3600 // plant.resolution_s
    count = days * 24 * parts
    ends = START_MS + (np.arange(count, dtype=np.int64) + 1) * plant.resolution_s * 1000
    if plant.kind == "wind":
        ideal = np.clip((known["wind_speed_100m_ms"][: days * 24] / 13.0) ** 3, 0.0, 1.0)
    else:
        ideal = known["shortwave_radiation_w_m2"][: days * 24] / 1000.0
    error = np.zeros(count)
    for i in range(1, count):
        error[i] = 0.97 * error[i - 1] + rng.normal() * 0.02
    ideal = np.repeat(ideal, parts)
    share = np.clip(ideal * (1.0 + error) + error * 0.3 * (ideal > 0), 0.0, 1.0)
    share[rng.random(count) < 0.01] = np.nan
    nothing = np.full(count, np.nan)
    return TelemetryColumns(
        offset=np.arange(count, dtype=np.int64),
        plant=np.zeros(count, np.int32),
        plant_ids=[plant.plant_id],
        event_time_ms=ends,
        known_at_ms=ends,
        is_tick=np.zeros(count, np.bool_),
        power_given=np.isfinite(share),
        power_kw=share * plant.capacity_kw,
        setpoint_kw=nothing,
        wind_speed_ms=nothing,
        temperature_c=nothing,
        poa_irradiance_w_m2=nothing,
        units=UnitColumns.empty(),
    )


@cache
def history(plant: PlantVersion, days: int = 40) -> PlantHistory:
    """The plant's history of so many days."""
    (made,) = histories([plant], telemetry(plant, days), runs(plant, days), FAR_MS)
    return made


def small_config(**changes: object) -> TrainConfig:
    """A training of a second or two."""
    plan = small(trees=15, rate=0.2, bins=31, leaves=7, min_rows=80, extra_trees=True)
    net = NetSettings(rows=12_000, epochs=3, members=1)
    return TrainConfig.fast(wind=plan, solar=plan, folds=2, net=net, least_days=20, **changes)


@cache
def small_release() -> Release:
    """A release for a wind farm and a solar plant, trained once for all tests of a process."""
    return train([history(WIND), history(SOLAR)], small_config(), lambda _said, _part: None)


def made_up_input(issues: int, steps: int, seed: int = 0) -> CorrectionInput:
    """Any input at all: wind and solar, known and unknown plants, with holes, on both kinds of base."""
    rng = np.random.default_rng(seed)
    trailing = rng.random((issues, TRAILING_HOURS))
    trailing[rng.random(trailing.shape) < 0.2] = np.nan
    base = np.sort(rng.random((issues, steps, len(KNOTS))), axis=-1)
    base[rng.random((issues, steps)) < 0.2] = 0.0
    last = rng.random(issues)
    last[rng.random(issues) < 0.1] = np.nan
    return CorrectionInput(
        plant_ids=[("wind-1", "solar-1", "nobody")[i % 3] for i in range(issues)],
        is_solar=np.arange(issues) % 2 == 1,
        last=last,
        last_age_s=rng.integers(0, 4, issues) * 900.0,
        base_last=np.sort(rng.random((issues, len(KNOTS))), axis=-1),
        trailing=trailing,
        base_trailing=np.sort(rng.random((issues, TRAILING_HOURS, len(KNOTS))), axis=-1),
        usual_last=np.sort(rng.random((issues, len(KNOTS))), axis=-1),
        usual_trailing=np.sort(rng.random((issues, TRAILING_HOURS, len(KNOTS))), axis=-1),
        base=base,
        lead_s=np.cumsum(rng.integers(1, 5, (issues, steps)) * 900.0, axis=1),
        interval_s=rng.choice([900.0, 3600.0], (issues, steps)),
        daylight=rng.random((issues, steps)) < 0.7,
        hour_of_day=rng.random((issues, steps)) * 24.0,
        issue_hour=rng.random(issues) * 24.0,
        weather_based=(weather_based := rng.random((issues, steps)) < 0.7),
        physical=weather_based & (rng.random((issues, steps)) < 0.2),
    )


class Everywhere(dict[str, Any]):
    """Weather models by plant: the same one for whatever plant is asked for."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def get(self, _plant_id: str, _default: Any = None) -> Any:
        """The one model."""
        return self._model
