"""What a sequence network reads: the newest day of telemetry, hour by hour, beside what the base had said."""

from __future__ import annotations

import numpy as np

from models.forecast.base import HIGH, LOW, MEDIAN, TRAILING_HOURS, CorrectionInput, Singles
from models.forecast.correction_features import ISSUE_NAMES

TOKENS = TRAILING_HOURS + 1  # the hours, oldest first, then the newest interval
CHANNELS = ("power", "error", "score", "known", "base", "base_width", "hours_ago", "newest")
TOLD = 3  # the first channels are telemetry: 0 where it is missing
KNOWN = CHANNELS.index("known")
STATIC = tuple(ISSUE_NAMES.index(name) for name in ("solar", "age_h", "hour_sin", "hour_cos"))


def tokens(x: CorrectionInput) -> Singles:
    """The sequences (N, 25, 8); an hour that is not known has zeros for telemetry and a flag."""
    power = np.concatenate([x.trailing[:, ::-1], x.last[:, None]], axis=1)
    base = np.concatenate([x.base_trailing[:, ::-1], x.base_last[:, None]], axis=1)
    newest, hourly = x.standing
    standing = np.concatenate([hourly[:, ::-1], newest[:, None]], axis=1)
    known = np.isfinite(power)
    hours_ago = np.append(np.arange(TRAILING_HOURS - 1, -1, -1) / TRAILING_HOURS, 0.0)
    made = np.empty((*power.shape, len(CHANNELS)), np.float32)
    made[..., 0] = np.where(known, power, 0.0)
    made[..., 1] = np.where(known, power - base[..., MEDIAN], 0.0)
    made[..., 2] = np.where(np.isfinite(standing), standing, 0.0)
    made[..., 3] = known
    made[..., 4] = base[..., MEDIAN]
    made[..., 5] = base[..., HIGH] - base[..., LOW]
    made[..., 6] = hours_ago
    made[..., 7] = 0.0
    made[:, -1, 7] = 1.0
    return made
