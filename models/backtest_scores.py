"""Scores of a backtest: forecasts of a table against the interval means of telemetry, by horizon.

Every number is in % of the plant's capacity, a plant counts the same as any other, and `all` takes the
listed horizons together. Persistence is the better of two naive forecasts: the last value known at the
issue, and the newest day's value at the same hour; smart persistence keeps a solar plant's clear-sky index.
MAPE (the sum of the absolute errors over the sum of the actuals) and R2 count a solar plant's days alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models import score
from models.smart_persistence import Position, is_day, keep_index
from models.windows import commonest_step_s, interval_means
from schemas.errors import InputError

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Bools = NDArray[np.bool_]
Numbers = dict[str, float]

HORIZONS_S: Final = (3600, 7200, 10_800, 21_600, 43_200, 86_400)
THREE_LEVELS: Final = (0.1, 0.5, 0.9)
DAY_MS: Final = 86_400_000
LIMITS_PERCENT: Final = (-5.0, 105.0)
MEANS: Final = (
    "nmae", "nrmse", "pinball", "pinball3", "below", "above", "coverage", "width", "bad", "skill",
    "nmae_persistence", "nmae_yesterday", "nmae_smart", "skill_smart", "mape", "r2",
)  # fmt: skip
PLANT_KEYS: Final = ("n", "nmae", "coverage", "pinball", "pinball3", "mape", "r2")


@dataclass(frozen=True)
class Site:
    """What the scores must know of a plant: its size, whether it lives by the sun, and where it stands
    (latitude and longitude [deg], None where unknown).
    """

    capacity_kw: float
    solar: bool = False
    position: Position | None = None


@dataclass(frozen=True)
class PlantForecasts:
    """Forecasts of one plant with what came and what the naive forecasts said, in % of capacity.

    `actual`, `last_value`, `same_hour` and `smart` have the shape (n,) and are NaN where unknown.

    :param by_day: whether the hour counts in MAPE and R2, shape (n,)
    :param quantiles: shape (n, K)
    """

    lead_ms: I8
    actual: F8
    last_value: F8
    same_hour: F8
    smart: F8
    by_day: Bools
    quantiles: F8
    levels: F8

    def at(self, level: float) -> F8:
        return self.quantiles[:, int(np.argmin(np.abs(self.levels - level)))]

    def take(self, rows: Bools) -> PlantForecasts:
        naive = (self.last_value[rows], self.same_hour[rows], self.smart[rows], self.by_day[rows])
        return PlantForecasts(
            self.lead_ms[rows], self.actual[rows], *naive, self.quantiles[rows], self.levels
        )


def actuals(telemetry: pd.DataFrame, resolution_s: int = 3600) -> pd.DataFrame:
    """Interval means of telemetry: `plant_id`, `end_ms`, `power_kw` (NaN with under half of the scans).

    :param telemetry: `plant_id`, `event_time` (timestamps), `power_kw`, in the order of arrival
    """
    parts = []
    for plant_id, rows in telemetry.groupby("plant_id", sort=True):
        stamps = milliseconds(rows["event_time"])
        scan_s = min(commonest_step_s(np.unique(stamps)), resolution_s)
        ends, power = interval_means(stamps, rows["power_kw"].to_numpy(np.float64), resolution_s, scan_s)
        parts.append(pd.DataFrame({"plant_id": plant_id, "end_ms": ends, "power_kw": power}))
    if not parts:
        return pd.DataFrame({"plant_id": [], "end_ms": np.empty(0, np.int64), "power_kw": np.empty(0)})
    return pd.concat(parts, ignore_index=True)


def scores(
    forecasts: pd.DataFrame,
    actual: pd.DataFrame,
    sites: Mapping[str, Site],
    resolution_s: int = 3600,
    horizons_s: Sequence[int] = HORIZONS_S,
) -> dict[str, Any]:
    """The project's own scores of a backtest.

    :param forecasts: `plant_id`, `issued_at`, `valid_at` and a column of kW for each level, named by the
        level
    :param actual: what `actuals` returns at the same resolution
    :returns: by horizon (`all`, `1h`, ...) the numbers of `MEANS` and `n`, and `plants` with each plant's own
    :raises InputError: doubled forecasts, a missing level, a plant without capacity, nothing to compare
    """
    columns = _level_columns(forecasts)
    _check(forecasts, columns, sites)
    by_plant: dict[str, dict[str, Numbers]] = {}
    for plant_id, rows in forecasts.groupby("plant_id", sort=True):
        name = str(plant_id)
        own = actual[actual["plant_id"] == name]
        met = _meet(_listed(rows, horizons_s), columns, own, sites[name], resolution_s)
        by_horizon = {h: _numbers(part) for h, part in _by_horizon(met, horizons_s) if part.actual.size}
        if by_horizon:
            by_plant[name] = by_horizon
    if not by_plant:
        raise InputError(
            "no forecast meets an actual: do the forecasts' times lie in those of the telemetry?"
        )
    names = ["all", *(horizon_name(s) for s in horizons_s)]
    pooled = {h: _mean_of(p[h] for p in by_plant.values() if h in p) for h in names}
    plants = {p: {h: _plant_numbers(n) for h, n in hs.items()} for p, hs in by_plant.items()}
    return {**{h: numbers for h, numbers in pooled.items() if numbers}, "plants": plants}


def milliseconds(times: pd.Series[Any]) -> I8:
    """Epoch milliseconds UTC of timestamps; without a zone they are UTC."""
    utc = pd.to_datetime(times, utc=True).dt.tz_localize(None)
    return np.asarray(utc.to_numpy("datetime64[ms]").astype(np.int64))


def horizon_name(seconds: int) -> str:
    """``3600`` -> ``1h``, ``900`` -> ``15min``."""
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}min"


def _level_columns(forecasts: pd.DataFrame) -> list[str]:
    names = [c for c in forecasts.columns if str(c).replace(".", "", 1).isdigit()]
    return sorted(names, key=float)


def _listed(rows: pd.DataFrame, horizons_s: Sequence[int]) -> pd.DataFrame:
    """The forecasts at the horizons that are scored."""
    lead_ms = milliseconds(rows["valid_at"]) - milliseconds(rows["issued_at"])
    return rows[np.isin(lead_ms, np.array(horizons_s, np.int64) * 1000)]


def _check(forecasts: pd.DataFrame, columns: list[str], sites: Mapping[str, Site]) -> None:
    doubled = int(forecasts.duplicated(["plant_id", "issued_at", "valid_at"]).sum())
    if doubled:
        raise InputError(f"{doubled} forecasts stand twice (plant_id, issued_at, valid_at)")
    missing = [level for level in THREE_LEVELS if level not in {float(c) for c in columns}]
    if missing:
        raise InputError(f"levels {missing} are needed and not among {columns}")
    strange = sorted(set(forecasts["plant_id"]) - set(sites))
    if strange:
        raise InputError(f"forecasts of plants that are not in the folder: {', '.join(strange)}")


def _meet(
    rows: pd.DataFrame, columns: list[str], actual: pd.DataFrame, site: Site, resolution_s: int
) -> PlantForecasts:
    issued_ms, valid_ms = milliseconds(rows["issued_at"]), milliseconds(rows["valid_at"])
    lead_ms = valid_ms - issued_ms
    resolution_ms = resolution_s * 1000
    days_back = -(-lead_ms // DAY_MS)
    percent = actual["power_kw"].to_numpy() / site.capacity_kw * 100
    known = pd.Series(percent, index=actual["end_ms"].to_numpy())
    smart, by_day = np.full(len(rows), np.nan), np.ones(len(rows), np.bool_)
    if site.solar:

        def power_at(end_ms: I8) -> F8:
            return _at(known, end_ms)

        smart = keep_index(power_at, issued_ms, valid_ms, resolution_ms, limit=100.0)
        by_day = is_day(power_at, valid_ms, resolution_ms, site.position, dark=100 * score.VISIBLE_SHARE)
    return PlantForecasts(
        lead_ms=lead_ms,
        actual=_at(known, valid_ms),
        last_value=_at(known, issued_ms // resolution_ms * resolution_ms),
        same_hour=_at(known, valid_ms - days_back * DAY_MS),
        smart=smart,
        by_day=by_day,
        quantiles=rows[columns].to_numpy(np.float64) / site.capacity_kw * 100,
        levels=np.array([float(c) for c in columns]),
    )


def _at(known: pd.Series[float], stamps_ms: I8) -> F8:
    return np.asarray(known.reindex(stamps_ms).to_numpy(), np.float64)


def _by_horizon(met: PlantForecasts, horizons_s: Sequence[int]) -> Iterator[tuple[str, PlantForecasts]]:
    came = np.isfinite(met.actual)
    yield "all", met.take(came & np.isin(met.lead_ms, np.array(horizons_s, np.int64) * 1000))
    for seconds in horizons_s:
        yield horizon_name(seconds), met.take(came & (met.lead_ms == seconds * 1000))


def _numbers(met: PlantForecasts) -> Numbers:
    low, median, high = (met.at(level) for level in THREE_LEVELS)
    loss = score.pinball(met.actual[:, None], met.quantiles, met.levels)
    three = [int(np.argmin(np.abs(met.levels - level))) for level in THREE_LEVELS]
    band = score.coverage(met.actual, low, high, visible=100 * score.VISIBLE_SHARE)
    return {
        "n": met.actual.size,
        "nmae": score.mae(met.actual, median),
        "nrmse": score.rmse(met.actual, median),
        "pinball": float(loss.mean()),
        "pinball3": float(loss[:, three].mean()),
        "below": band.below,
        "above": band.above,
        "coverage": band.inside,
        "width": float((high - low).mean()),
        "bad": float(score.flawed(met.quantiles, *LIMITS_PERCENT).mean()),
        "skill": _skill(met, median),
        "nmae_persistence": _naive(met.actual, met.last_value),
        "nmae_yesterday": _naive(met.actual, met.same_hour),
        "nmae_smart": _naive(met.actual, met.smart),
        "skill_smart": _gain(met.actual, median, met.smart),
        "mape": 100 * score.mape(met.actual[met.by_day], median[met.by_day]),
        "r2": score.r2(met.actual[met.by_day], median[met.by_day]),
    }


def _naive(actual: F8, naive: F8) -> float:
    known = np.isfinite(naive)
    return score.mae(actual[known], naive[known])


def _gain(actual: F8, median: F8, naive: F8) -> float:
    known = np.isfinite(naive)
    return score.skill(score.mae(actual[known], median[known]), _naive(actual, naive))


def _skill(met: PlantForecasts, median: F8) -> float:
    """Gain over the better naive forecast, where both of them have a value."""
    both = np.isfinite(met.last_value) & np.isfinite(met.same_hour)
    actual = met.actual[both]
    naive = min(score.mae(actual, met.last_value[both]), score.mae(actual, met.same_hour[both]))
    return score.skill(score.mae(actual, median[both]), naive)


def _mean_of(plants: Iterable[Numbers]) -> dict[str, float | int | None]:
    """Means over plants, and the sum of `n`; a number that no plant has is None."""
    listed = list(plants)
    if not listed:
        return {}
    means: dict[str, float | int | None] = {"n": int(sum(numbers["n"] for numbers in listed))}
    for key in MEANS:
        known = [numbers[key] for numbers in listed if np.isfinite(numbers[key])]
        means[key] = round(float(np.mean(known)), 4) if known else None
    return means


def _plant_numbers(numbers: Numbers) -> dict[str, float | int | None]:
    made: dict[str, float | int | None] = {"n": int(numbers["n"])}
    for key in PLANT_KEYS[1:]:
        made[key] = round(numbers[key], 4) if np.isfinite(numbers[key]) else None
    return made
