"""The inputs of the correction net, one function for training and serving.

Inputs of an issue are the same for all its steps, so the net's first layer works on them once. Missing
inputs are 0 with a flag beside them. Everything is computed element by element or summed in a fixed order:
no batch can change a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import HIGH, LOW, MEDIAN, CorrectionInput, Flags, Floats, once
from models.forecast.closed_form import means_of
from models.forecast.normal_scores import at_scores, score

Singles = NDArray[np.float32]

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
    now gives.
    """

    issue: Singles
    step: Singles
    anchor: Singles


def build(x: CorrectionInput) -> NetInput:
    """The net's inputs; `x.last` must be known (an issue without is not corrected), others may be missing."""
    last_score, hourly = x.standing
    standing = np.broadcast_to(last_score[:, None], x.lead_s.shape)
    if not x.weather_based.all():
        standing = np.where(x.weather_based, standing, score(x.last, x.usual_last)[:, None])
    known = np.isfinite(standing)
    moved = _moved(x, np.where(known, standing, 0.0))
    issue = np.stack(_issue(x, last_score, hourly), axis=1).astype(np.float32)
    step = np.empty((*x.lead_s.shape, len(STEP_NAMES)), np.float32)
    step[..., : x.base.shape[-1]] = x.base
    rest = _step(x, np.where(known, moved - x.base[..., MEDIAN], 0.0))
    for i, values in enumerate(rest, x.base.shape[-1]):
        step[..., i] = values
    return NetInput(issue, step, _anchor(x, moved, known))


def _moved(x: CorrectionInput, standing: Floats) -> Floats:
    """Power (N, S) at normal scores (N, S) in the base of each step."""
    (made,) = at_scores(x.base_points(), standing.reshape(1, -1))
    return np.asarray(made.reshape(standing.shape))


def _issue(x: CorrectionInput, last_score: Floats, hourly: Floats) -> list[Floats]:
    error = x.trailing - x.base_trailing[..., MEDIAN]
    angle = x.issue_hour * (np.pi / 12.0)
    made = [
        x.is_solar.astype(float),
        x.last_age_s / 3600.0,
        np.sin(angle),
        np.cos(angle),
        _filled(x.last),
        x.base_last[:, MEDIAN],
        x.base_last[:, HIGH] - x.base_last[:, LOW],
        _filled(x.last - x.base_last[:, MEDIAN]),
        _filled(last_score),
        np.isnan(last_score).astype(float),
    ]
    for values in (x.trailing, error, hourly):
        made += [_filled(values[:, i]) for i in range(NEWEST_HOURS)]
    made += [np.isnan(x.trailing[:, i]).astype(float) for i in range(NEWEST_HOURS)]
    means = means_of(x.trailing, WINDOWS)
    made += [_filled(m) for m in means]
    made += [_filled(_spread(x.trailing, m, w)) for m, w in zip(means, WINDOWS, strict=True)]
    made += [_filled(m) for m in means_of(error, WINDOWS)]
    made += [_filled(m) for m in means_of(hourly, WINDOWS)]
    return [*made, _fading(error), _fading(hourly), np.isfinite(x.trailing).mean(axis=1)]


def _step(x: CorrectionInput, shift: Floats) -> list[Floats]:
    """The inputs of a step beside its base; `shift` (N, S): of its median, would the plant stand as now."""
    lead_h = x.lead_rows / 3600.0
    angle = once(x.hour_of_day) * (np.pi / 12.0)
    return [
        x.base[..., HIGH] - x.base[..., LOW],
        x.base[..., MEDIAN] - x.base_last[:, None, MEDIAN],
        np.log1p(lead_h),
        np.exp(-lead_h / 3.0),
        np.exp(-lead_h / 0.5),
        x.interval_s / 3600.0,
        x.daylight.astype(float),
        np.sin(angle),
        np.cos(angle),
        shift,
        x.weather_based.astype(float),
    ]


def _anchor(x: CorrectionInput, moved: Floats, known: Flags) -> Singles:
    """For wind the newest power; for solar the target's power at the newest standing in the base (`moved`,
    (N, S)), else the base.
    """
    made = np.empty((x.base.shape[-1], *x.lead_s.shape), np.float32)
    made[...] = _filled(x.last)[:, None]
    solar = np.flatnonzero(x.is_solar)
    if len(solar):
        base = np.moveaxis(x.base[solar], -1, 0)
        made[:, solar] = np.where(known[solar], moved[solar], base)
    return np.moveaxis(made, 0, -1)


def _filled(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, 0.0)


def _spread(values: Floats, mean: Floats, hours: int) -> Floats:
    (mean_square,) = means_of((values[:, :hours] - mean[:, None]) ** 2, (hours,))
    return np.asarray(np.sqrt(mean_square))


def _fading(values: Floats) -> Floats:
    """Mean (N,) of the known hours, newer ones weighing more; 0 where none is known."""
    known = np.isfinite(values)
    kept = EWMA_KEEP ** np.arange(values.shape[1])
    total = np.cumsum(np.where(known, values, 0.0) * kept, axis=1)[:, -1]
    weight = np.cumsum(known * kept, axis=1)[:, -1]
    return np.where(weight > 0, total / np.maximum(weight, 1e-9), 0.0)
