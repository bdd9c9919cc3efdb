"""The inputs of the correction net, one function for training and serving.

Inputs of an issue are the same for all its steps, so the net's first layer works on them once. Missing
inputs are 0 with a flag beside them. Everything is computed element by element or summed in a fixed order:
no batch can change a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.forecast.base import (
    HIGH,
    LOW,
    MEDIAN,
    CorrectionInput,
    Flags,
    Floats,
    Singles,
    of_planes,
    once,
    planes_of,
)
from models.forecast.closed_form import means_of
from models.forecast.normal_scores import QuantileFunctions, score

WINDOWS = (3, 6, 24)
NEWEST_HOURS = 4
EWMA_KEEP = 0.92  # of an hour's weight in the next
ISSUE_NAMES = (
    "solar",
    "age_h",
    "hour_sin",
    "hour_cos",
    "last",
    "last_base",
    "last_base_width",
    "last_error",
    "last_score",
    "last_score_missing",
    *(f"{what}_{i}h_ago" for what in ("power", "error", "score", "missing") for i in range(NEWEST_HOURS)),
    *(f"{what}_{w}h" for what in ("power_mean", "power_spread", "error_mean", "score_mean") for w in WINDOWS),
    "error_fading",
    "score_fading",
    "known_24h",
)
STEP_NAMES = (
    *(f"base_{i}" for i in range(13)),
    "base_width",
    "base_change",
    "log_lead",
    "soon",
    "very_soon",
    "interval_h",
    "daylight",
    "target_hour_sin",
    "target_hour_cos",
    "closed_form_shift",
    "weather_based",
)

# What a net may look at by how many days of all its plants it learns from: a few weather episodes are soon
# known by heart, and the hour of the day, or the mean of a day, tells them apart (La Haute Borne in
# December, trained on ten weeks: 2.65 % mean pinball against 3.17 % with all inputs; three farms and a
# year: 2.52 % against 2.46 %).
CLOCK = ("hour_sin", "hour_cos")
LONG = (*CLOCK, "24h", "fading")
MEMORY = (*LONG, "3h", "6h", "ago")
LEFT_OUT_UNDER_DAYS = ((250, MEMORY), (700, LONG))


def left_out(plant_days: float) -> tuple[list[int], list[int]]:
    """Places of the issue and of the step inputs that a net does not get to see."""
    marks = next((marks for days, marks in LEFT_OUT_UNDER_DAYS if plant_days < days), ())
    issue = [i for i, name in enumerate(ISSUE_NAMES) if any(m in name for m in marks)]
    return issue, [i for i, name in enumerate(STEP_NAMES) if any(m in name for m in marks)]


@dataclass(frozen=True)
class NetInput:
    """`issue` (N, len(ISSUE_NAMES)), `step` (N, S, len(STEP_NAMES)), `anchor` (N, S, 13) what full trust in
    now gives. The steps lie in planes, one for each input, with room for a last block of columns.
    """

    issue: Singles
    columns: Singles  # (len(STEP_NAMES), at least N * S)
    anchor: Singles

    @property
    def step(self) -> Singles:
        """The inputs of each step."""
        issues, steps, _ = self.anchor.shape
        planes = self.columns[:, : issues * steps].reshape(-1, issues, steps)
        return of_planes(planes)


def build(x: CorrectionInput, block: int = 1) -> NetInput:
    """The net's inputs; `x.last` must be known (an issue without is not corrected), others may be missing.
    Columns come in whole multiples of `block`, the last ones 0.
    """
    last_score, hourly = x.standing
    standing = np.broadcast_to(last_score[:, None], x.lead_s.shape)
    if not x.weather_based.all():
        standing = np.where(x.weather_based, standing, score(x.last, x.usual_last)[:, None])
    known = np.isfinite(standing)
    moved = _moved(x, np.where(known, standing, 0.0))
    columns = np.empty((len(STEP_NAMES), -(-x.lead_s.size // block) * block), np.float32)
    columns[:, x.lead_s.size :] = 0.0
    planes = columns[:, : x.lead_s.size].reshape(-1, *x.lead_s.shape)
    _step(x, moved, known, planes)
    return NetInput(_issue(x, last_score, hourly), columns, _anchor(x, moved, known))


def _moved(x: CorrectionInput, standing: Floats) -> Singles:
    """Power (N, S) at normal scores (N, S) in the base of each step."""
    made = QuantileFunctions(x.base_points()).at(standing.reshape(1, -1).astype(np.float32))
    return made.reshape(standing.shape)


def _issue(x: CorrectionInput, last_score: Floats, hourly: Floats) -> Singles:
    """The inputs of each issue, (N, len(ISSUE_NAMES))."""
    trailing = np.stack([x.trailing, x.trailing - x.base_trailing[..., MEDIAN], hourly])  # (3, N, 24)
    known = np.isfinite(trailing)
    filled = np.where(known, trailing, 0.0)
    means = np.stack(means_of(trailing, WINDOWS))  # (windows, 3, N)
    spread = [_spread(x.trailing, mean[0], hours) for mean, hours in zip(means, WINDOWS, strict=True)]
    angle = x.issue_hour * (np.pi / 12.0)
    now, base = x.last, x.base_last[:, MEDIAN]
    columns = [
        x.is_solar,
        x.last_age_s / 3600.0,
        np.sin(angle),
        np.cos(angle),
        _filled(now),
        base,
        x.base_last[:, HIGH] - x.base_last[:, LOW],
        _filled(now - base),
        _filled(last_score),
        np.isnan(last_score),
        *filled[..., :NEWEST_HOURS].transpose(0, 2, 1).reshape(-1, len(now)),
        *~known[0, :, :NEWEST_HOURS].T,
        *_filled(means[:, 0]),
        *_filled(np.stack(spread)),
        *_filled(means[:, 1]),
        *_filled(means[:, 2]),
        *_fading(filled[1:], known[1:]),
        known[0].mean(axis=1),
    ]
    made = np.empty((len(now), len(ISSUE_NAMES)), np.float32)
    for i, values in enumerate(columns):
        made[:, i] = values
    return made


def _step(x: CorrectionInput, moved: Singles, known: Flags, planes: Singles) -> None:
    """Write the inputs of each step: its base, and what else is known of it."""
    base, rest = planes[: x.base.shape[-1]], planes[x.base.shape[-1] :]
    base[...] = planes_of(x.base)
    lead_h = x.lead_rows / 3600.0
    angle = once(x.hour_of_day) * (np.pi / 12.0)
    np.subtract(base[HIGH], base[LOW], out=rest[0])
    np.subtract(base[MEDIAN], x.base_last[:, MEDIAN, None], out=rest[1], casting="same_kind")
    rest[2], rest[3], rest[4] = np.log1p(lead_h), np.exp(-lead_h / 3.0), np.exp(-lead_h / 0.5)
    np.divide(x.interval_s, 3600.0, out=rest[5], casting="same_kind")
    rest[6] = x.daylight
    rest[7], rest[8] = np.sin(angle), np.cos(angle)
    # how far its median would be off, would the plant stand as now
    np.subtract(moved, base[MEDIAN], out=rest[9])
    np.copyto(rest[9], 0.0, where=~known)
    rest[10] = x.weather_based


def _anchor(x: CorrectionInput, moved: Singles, known: Flags) -> Singles:
    """For wind the newest power; for solar the target's power at the newest standing in the base (`moved`,
    (N, S)), else the base.
    """
    shape = *x.lead_s.shape, x.base.shape[-1]
    solar = x.is_solar[:, None]
    one = np.where(solar, moved, _filled(x.last)[:, None]).astype(np.float32)
    if not (solar & ~known).any():
        return np.broadcast_to(one[..., None], shape)
    return of_planes(np.where(solar & ~known, planes_of(x.base), one).astype(np.float32))


def _filled(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, 0.0)


def _spread(values: Floats, mean: Floats, hours: int) -> Floats:
    (mean_square,) = means_of((values[:, :hours] - mean[:, None]) ** 2, (hours,))
    return np.asarray(np.sqrt(mean_square))


def _fading(filled: Floats, known: Flags) -> Floats:
    """Mean (k, N) of the known ones of hours (k, N, hours), newer ones weighing more; 0 where none is."""
    kept = EWMA_KEEP ** np.arange(filled.shape[-1])
    total = np.cumsum(filled * kept, axis=-1)[..., -1]
    weight = np.cumsum(known * kept, axis=-1)[..., -1]
    return np.asarray(np.where(weight > 0, total / np.maximum(weight, 1e-9), 0.0))
