"""Measured power with labels that people gave it: what stood still, was drawn, when the level changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.training import clean, scale
from models.training.clean import Cause
from models.training.levels import stretches
from models.training.nearby import nothing
from schemas.records import PlantKind, PlantVersion

LABELLED = Path(__file__).parents[1] / "labelled"
INVERTER = PlantVersion("inverter", 0, 0, PlantKind.SOLAR, 1.0, 900)


@pytest.mark.parametrize(
    ("file", "mask", "cause"),
    [
        ("stale", "stale_data_mask", Cause.STUCK),
        ("interpolated", "interpolated_data_mask", Cause.INTERPOLATED),
    ],
)
def test_what_is_labelled_is_found_and_little_else(file: str, mask: str, cause: Cause) -> None:
    """Without position and weather. Lines at nothing say nothing, so only power over 1 % counts."""
    rows = pd.read_csv(LABELLED / f"{file}.csv.gz")
    whole = rows.set_index(pd.to_datetime(rows["timestamp"])).asfreq("15min")
    share = whole["value_normalized"].to_numpy(np.float64)
    labelled = whole[mask].fillna(False).to_numpy(bool)
    end_ms = whole.index.as_unit("ms").asi8  # type: ignore[attr-defined]
    found = clean.causes(INVERTER, end_ms, share, nothing(len(share))) == cause
    seen = labelled & (share > 0.01)
    assert seen.sum() > 200
    assert found[seen].mean() > 0.99
    assert (found & ~labelled).sum() <= 10


def test_the_day_on_which_the_level_changed_is_found() -> None:
    rows = pd.read_csv(LABELLED / "shift.csv.gz")
    daily = np.log(np.maximum(rows["value"].to_numpy(np.float64), 1.0))
    (changed,) = np.flatnonzero(rows["label"])
    found = stretches(daily - scale._season(np.arange(len(daily)), daily))
    assert [one.start for one in found[1:]] == [pytest.approx(changed, abs=1)]
