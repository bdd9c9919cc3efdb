"""What NumPy serves is what torch has trained, and gaps in telemetry do not hurt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.forecast import sequence
from models.forecast.base import KNOTS
from models.forecast.sequence_tokens import CHANNELS, KNOWN, TOKENS, tokens
from models.training import correction_rows, fit_encoders
from tests.correction_world import tellers, trained
from tests.forecast_world import made_up_input, small_release


@pytest.mark.parametrize("name", sequence.ENCODERS)
def test_encoders_say_in_numpy_what_they_say_in_torch(name: str) -> None:
    torch.manual_seed(3)
    encoder = fit_encoders.ENCODERS[name](16)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    told = np.random.default_rng(1).normal(size=(64, TOKENS, len(CHANNELS))).astype(np.float32)
    known = (told[..., 0] > -0.5).astype(np.float32)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(told), torch.from_numpy(known)).numpy()
    weights = fit_encoders.plain(encoder.export())
    np.testing.assert_allclose(sequence.ENCODERS[name](told, known, weights), expected, atol=2e-5)


def test_a_sequence_tells_missing_hours_from_calm_ones() -> None:
    x = made_up_input(5, 2)
    calm, silent = np.zeros_like(x.trailing), np.full_like(x.trailing, np.nan)
    told = [tokens(replace(x, trailing=t)) for t in (calm, silent)]
    assert (told[0][:, :-1, KNOWN] == 1).all()
    assert (told[1][:, :-1, KNOWN] == 0).all()
    assert (told[1][:, :-1, 0] == 0).all()


def test_hours_stand_oldest_first_and_the_newest_interval_last() -> None:
    x = made_up_input(4, 2)
    trailing = np.tile(np.arange(24.0) / 100.0, (4, 1))
    told = tokens(replace(x, trailing=trailing, last=np.full(4, 0.77)))
    np.testing.assert_allclose(told[:, -2, 0], 0.0)
    np.testing.assert_allclose(told[:, 0, 0], 0.23, rtol=1e-6)
    np.testing.assert_allclose(told[:, -1, 0], 0.77, rtol=1e-6)


@pytest.mark.parametrize("name", ["gru-residual", "transformer-multi"])
def test_a_trained_sequence_net_beats_its_base_and_bears_holes(name: str) -> None:
    learned = trained(name, rows=12_000, epochs=4).correction
    assert learned is not None
    start = small_release().closed_form
    draw = np.random.default_rng(5)
    loss = {"base": 0.0, "whole": 0.0, "holed": 0.0}
    for one in correction_rows.judged(tellers()):
        x, near = one.told.x, one.told.y[:, :3]
        holed = replace(x, trailing=np.where(draw.random(x.trailing.shape) < 0.3, np.nan, x.trailing))
        loss["base"] += _pinball(x.base[:, :3], near)
        loss["whole"] += _pinball(learned.correct(x, start.correct(x))[:, :3], near)
        loss["holed"] += _pinball(learned.correct(holed, start.correct(holed))[:, :3], near)
    assert loss["whole"] < 0.97 * loss["base"]
    assert loss["holed"] < 1.05 * loss["whole"]


def _pinball(q: np.ndarray, y: np.ndarray) -> float:
    known, levels = np.isfinite(y), np.array(KNOTS)
    miss = y[known][:, None] - q[known]
    return float(np.maximum(levels * miss, (levels - 1.0) * miss).mean())
