"""How good forecasts were, by plant and lead time: pure functions of forecasts and of what was measured.

Everything is in % of capacity. Persistence says that the newest interval of the step's length, measured by
the issue, goes on; "yesterday" that the newest known day comes again; smart persistence that a solar plant's
clear-sky index does. The coverage of the 80 % band counts its edges where they can be seen: a night, which no
band can miss, would flatter. For the same reason MAPE (the sum of absolute errors over that of actuals) and
R2 count a solar plant's days alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from consumers.actuals import Measured
from models import score
from models.smart_persistence import is_day, keep_index
from models.steps import LEADS_S
from schemas.records import PlantKind

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

DAY_MS: Final = 86_400_000
ALL_PLANTS: Final = "all"


@dataclass(frozen=True, eq=False)
class LeadSteps:
    """Steps of one plant's forecasts that lie at one of the lead times scored; n of them.

    `quantiles` f8[n,K] [kW] at `levels` f8[K]; times [ms], lead and interval [s], shape (n,).
    """

    issued_ms: I8
    lead_s: I8
    interval_s: I8
    rung: I8
    capacity_kw: F8
    quantiles: F8
    levels: F8

    def __len__(self) -> int:
        return len(self.issued_ms)

    @property
    def valid_ms(self) -> I8:
        return np.asarray(self.issued_ms + self.lead_s * 1000)

    def at(self, level: float) -> F8:
        """One quantile [kW], shape (n,); NaN where the level was not published."""
        near = np.flatnonzero(np.isclose(self.levels, level))
        return self.quantiles[:, near[0]] if near.size else np.full(len(self), np.nan)

    def take(self, rows: NDArray[np.bool_] | I8) -> LeadSteps:
        kept = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "levels"}
        return LeadSteps(**kept, levels=self.levels)


@dataclass(frozen=True)
class Skill:
    """Scores of one plant at one lead time, in % of capacity (`coverage80` and skills as shares).

    `skill` is the gain over persistence, `skill_yesterday` and `skill_smart` those over yesterday and smart
    persistence, where those had a value; `mape` in %, `r2` a share; NaN where nothing can be said.
    """

    plant_id: str
    lead_s: int
    n: int
    nmae: float
    nmae_persistence: float
    skill: float
    nmae_yesterday: float
    skill_yesterday: float
    nmae_smart: float
    skill_smart: float
    mape: float
    r2: float
    pinball: float
    coverage80: float
    width80: float

    @property
    def horizon(self) -> str:
        return horizon_name(self.lead_s)


@dataclass(frozen=True)
class Comparison:
    """Two sets of forecasts of one plant at one lead time, over the issues that both have."""

    plant_id: str
    lead_s: int
    n: int
    nmae: float
    nmae_against: float
    skill_against: float
    pinball: float
    pinball_against: float
    coverage80: float
    coverage80_against: float

    @property
    def horizon(self) -> str:
        return horizon_name(self.lead_s)


def horizon_name(seconds: int) -> str:
    """``3600`` -> ``1h``, ``900`` -> ``15min``."""
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}min"


def skill(plant_id: str, steps: LeadSteps, measured: Measured) -> list[Skill]:
    """Scores by lead time; lead times that met no actual are left out."""
    actual = _share(measured.at(steps.valid_ms, steps.interval_s), steps)
    persistence = _share(measured.at(_floor(steps.issued_ms, steps.interval_s), steps.interval_s), steps)
    days_ms = -(-steps.lead_s * 1000 // DAY_MS) * DAY_MS
    yesterday = _share(measured.at(steps.valid_ms - days_ms, steps.interval_s), steps)
    smart, by_day = _sunny(steps, measured)
    made = []
    for lead_s in LEADS_S:
        rows = np.flatnonzero((steps.lead_s == lead_s) & np.isfinite(actual))
        if rows.size:
            naive = _Naive(persistence[rows], yesterday[rows], smart[rows])
            made.append(_skill(plant_id, lead_s, steps.take(rows), actual[rows], naive, by_day[rows]))
    return made


def compare(plant_id: str, left: LeadSteps, right: LeadSteps, measured: Measured) -> list[Comparison]:
    """Two sets of forecasts over what both have: the same issues, lead times and actuals."""
    common, ours, theirs = np.intersect1d(_names(left), _names(right), return_indices=True)
    left, right = left.take(ours), right.take(theirs)
    actual = _share(measured.at(left.valid_ms, left.interval_s), left)
    made = []
    for lead_s in LEADS_S if common.size else ():
        rows = np.flatnonzero((left.lead_s == lead_s) & np.isfinite(actual))
        if rows.size:
            made.append(_comparison(plant_id, lead_s, left.take(rows), right.take(rows), actual[rows]))
    return made


def over_plants(skills: Iterable[Skill]) -> list[Skill]:
    """The mean over plants, each counting the same, at each lead time; `n` is the sum."""
    by_lead: dict[int, list[Skill]] = {}
    for one in skills:
        by_lead.setdefault(one.lead_s, []).append(one)
    return [_mean(lead_s, by_lead[lead_s]) for lead_s in sorted(by_lead)]


def by_horizon(skills: Iterable[Skill]) -> dict[str, dict[str, dict[str, float]]]:
    """{plant: {horizon: {n, nmae, nmae_persistence, coverage80}}}, as summaries have it."""
    made: dict[str, dict[str, dict[str, float]]] = {}
    for one in skills:
        numbers = {"nmae": one.nmae, "nmae_persistence": one.nmae_persistence, "coverage80": one.coverage80}
        rounded = {name: round(value, 4) for name, value in numbers.items() if np.isfinite(value)}
        made.setdefault(one.plant_id, {})[one.horizon] = {"n": one.n, **rounded}
    return made


def numbers(one: Skill | Comparison) -> dict[str, float | int | str | None]:
    """The fields for a document: rounded, None where nothing can be said."""
    told: Mapping[str, float | int | str] = {f.name: getattr(one, f.name) for f in fields(one)}
    made: dict[str, float | int | str | None] = {"plant_id": one.plant_id, "horizon": one.horizon}
    for name, value in told.items():
        made[name] = (round(value, 4) if np.isfinite(value) else None) if isinstance(value, float) else value
    return made


@dataclass(frozen=True, eq=False)
class _Naive:
    """What the naive forecasts said, in % of capacity, shape (n,) each."""

    persistence: F8
    yesterday: F8
    smart: F8


def _sunny(steps: LeadSteps, measured: Measured) -> tuple[F8, NDArray[np.bool_]]:
    """Smart persistence (n,) in % of capacity, NaN for wind, and which steps count in MAPE and R2."""
    smart, by_day = np.full(len(steps), np.nan), np.ones(len(steps), np.bool_)
    plant = measured.plant
    if plant is None or plant.kind is not PlantKind.SOLAR:
        return smart, by_day
    position = None
    if plant.latitude is not None and plant.longitude is not None:
        position = plant.latitude, plant.longitude
    for length_s in np.unique(steps.interval_s).tolist():
        own, step_ms = steps.interval_s == length_s, length_s * 1000

        def power_at(end_ms: I8, length_s: int = length_s) -> F8:
            return measured.at(end_ms, np.full(end_ms.shape, length_s))

        valid_ms = steps.valid_ms[own]
        smart[own] = keep_index(power_at, steps.issued_ms[own], valid_ms, step_ms, np.inf)
        dark_kw = score.VISIBLE_SHARE * plant.capacity_kw
        by_day[own] = is_day(power_at, valid_ms, step_ms, position, dark_kw)
    return _share(np.minimum(smart, steps.capacity_kw), steps), by_day


def _skill(
    plant_id: str, lead_s: int, steps: LeadSteps, actual: F8, naive: _Naive, by_day: NDArray[np.bool_]
) -> Skill:
    low, median, high = (_share(steps.at(level), steps) for level in (0.1, 0.5, 0.9))
    return Skill(
        plant_id=plant_id,
        lead_s=lead_s,
        n=actual.size,
        nmae=score.mae(actual, median),
        nmae_persistence=_naive_error(actual, naive.persistence),
        skill=_gain(actual, median, naive.persistence),
        nmae_yesterday=_naive_error(actual, naive.yesterday),
        skill_yesterday=_gain(actual, median, naive.yesterday),
        nmae_smart=_naive_error(actual, naive.smart),
        skill_smart=_gain(actual, median, naive.smart),
        mape=100 * score.mape(actual[by_day], median[by_day]),
        r2=score.r2(actual[by_day], median[by_day]),
        pinball=_pinball(steps, actual),
        coverage80=_coverage(actual, low, high),
        width80=float((high - low).mean()),
    )


def _comparison(plant_id: str, lead_s: int, left: LeadSteps, right: LeadSteps, actual: F8) -> Comparison:
    ours, theirs = _share(left.at(0.5), left), _share(right.at(0.5), right)
    bands = [[_share(one.at(level), one) for level in (0.1, 0.9)] for one in (left, right)]
    return Comparison(
        plant_id=plant_id,
        lead_s=lead_s,
        n=actual.size,
        nmae=score.mae(actual, ours),
        nmae_against=score.mae(actual, theirs),
        skill_against=score.skill(score.mae(actual, ours), score.mae(actual, theirs)),
        pinball=_pinball(left, actual),
        pinball_against=_pinball(right, actual),
        coverage80=_coverage(actual, *bands[0]),
        coverage80_against=_coverage(actual, *bands[1]),
    )


def _naive_error(actual: F8, naive: F8) -> float:
    known = np.isfinite(naive)
    return score.mae(actual[known], naive[known])


def _gain(actual: F8, median: F8, naive: F8) -> float:
    known = np.isfinite(naive)
    ours = score.mae(actual[known], median[known])
    return score.skill(ours, score.mae(actual[known], naive[known]))


def _coverage(actual: F8, low: F8, high: F8) -> float:
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return float("nan")
    return score.coverage(actual, low, high, visible=100 * score.VISIBLE_SHARE).inside


def _pinball(steps: LeadSteps, actual: F8) -> float:
    quantiles = steps.quantiles / steps.capacity_kw[:, None] * 100
    return float(score.pinball(actual[:, None], quantiles, steps.levels).mean())


def _share(power_kw: F8, steps: LeadSteps) -> F8:
    """kW (n,) in % of each row's capacity."""
    return np.asarray(power_kw / steps.capacity_kw * 100)


def _floor(time_ms: I8, interval_s: I8) -> I8:
    return np.asarray(time_ms // (interval_s * 1000) * (interval_s * 1000))


def _names(steps: LeadSteps) -> I8:
    """A number for each (issue, lead time); lead times are whole seconds under 2^18."""
    return np.asarray((steps.issued_ms // 1000 << 18) + steps.lead_s)


def _mean(lead_s: int, plants: list[Skill]) -> Skill:
    means = {}
    for f in fields(Skill):
        if f.name not in ("plant_id", "lead_s", "n"):
            known = [value for one in plants if np.isfinite(value := getattr(one, f.name))]
            means[f.name] = float(np.mean(known)) if known else float("nan")
    return Skill(ALL_PLANTS, lead_s, sum(one.n for one in plants), **means)
