"""A release with a part that would break a worker later is refused when it is read, by a plain line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.forecast import boosting
from models.forecast.climatology import Climatology, Table
from models.forecast.closed_form import ClosedForm
from models.release import Release
from models.release_file import load, save
from schemas.errors import ReleaseRefused
from tests.forecast_world import small_release


def release(**parts: Any) -> Release:
    return replace(Release("made", "1", "", Climatology(), ClosedForm()), **parts)


def table(quantiles: np.ndarray) -> Climatology:
    return Climatology({"a": Table(quantiles)})


@pytest.mark.parametrize(
    "quantiles",
    [
        np.full((1, 1, 13), np.nan),
        np.full((1, 1, 13), 1e9),
        np.zeros((1, 1, 12)),
        np.zeros((0, 24, 13)),
        np.zeros((24, 13)),
        np.zeros((1, 1, 13), np.int64),
    ],
    ids=["nan", "huge", "other levels", "empty", "flat", "integers"],
)
def test_a_climatology_that_is_no_table_of_shares_is_refused(quantiles: np.ndarray) -> None:
    with pytest.raises(ReleaseRefused, match="its climatology of a is no table of finite shares"):
        load(save(release(climatology=table(quantiles))))


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ({"plants": {"a": {"min_share": float("nan")}}}, "min_share is nan"),
        ({"plants": {"a": {"min_share": -3}}}, "min_share is -3"),
        ({"plants": {"a": {"min_share": "low"}}}, "damaged"),
        ({"plants": ["a"]}, "damaged"),
        ({"sites": {"a": {"latitude": 95.0}}}, "latitude is 95"),
        ({"sites": {"a": {"colour": "red"}}}, "damaged"),
        ({"sites": {"a": {"tilt_deg": "steep"}}}, "damaged"),
    ],
)
def test_a_manifest_that_no_plant_can_be_served_by_is_refused(manifest: dict[str, Any], why: str) -> None:
    with pytest.raises(ReleaseRefused, match=why):
        load(save(release(manifest=manifest)))


def test_a_weather_model_of_a_source_that_is_no_name_is_refused() -> None:
    good = small_release()
    plant_id, model = next(iter(good.weather.items()))
    with pytest.raises(ReleaseRefused, match="damaged"):
        load(save(replace(good, weather={plant_id: replace(model, sources=(7,))})))


def test_a_correction_that_has_no_numbers_for_one_of_its_plants_is_refused() -> None:
    """The probe in the file is of a plant that it does not know, and stays the same."""
    good = small_release()
    assert good.correction is not None
    bent = {name: np.array(values) for name, values in good.correction.tensors.items()}
    for name in bent:
        if name.endswith("embedding"):
            bent[name][1] = np.nan
    correction = replace(good.correction, tensors=bent)  # type: ignore[type-var]  # a dataclass of the family
    with pytest.raises(ReleaseRefused, match=r"its correction of .* gives numbers that are none"):
        load(save(replace(good, correction=correction)))


def test_a_small_file_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = boosting.pack_text("0" * 1_000_000)
    assert packed.nbytes < 2000
    assert len(boosting.unpack_text(packed)) == 1_000_000
    monkeypatch.setattr(boosting, "LONGEST_TEXT", 999_999)
    with pytest.raises(ValueError, match="longer than 999999 bytes"):
        boosting.unpack_text(packed)
    with pytest.raises(ValueError, match="cut short"):
        boosting.unpack_text(packed[:-20])


def test_what_trainings_make_is_taken() -> None:
    assert load(save(small_release())).manifest["plants"].keys() == {"wind-1", "solar-1"}
    assert load(save(release())).name == "made"
