"""Which correction serves is decided by issues that none of them has seen."""

from __future__ import annotations

import numpy as np
import pytest

from models.forecast.base import HOUR_MS
from models.training import correction, correction_rows
from models.training.config import NetSettings, TrainConfig
from models.training.correction_rows import BLOCK_MS, DAY_MS, REACH_MS
from tests.correction_world import tellers, trained
from tests.forecast_world import small_release


def fit(*names: str) -> correction.Fitted:
    config = TrainConfig(corrections=names, net=NetSettings(rows=6000, epochs=2, members=1))
    return correction.fit(tellers(), small_release().closed_form, config, lambda _said, _part: None)


def test_no_issue_learned_from_sees_or_foretells_a_held_back_block() -> None:
    issued = np.arange(0, 200 * 24) * HOUR_MS
    kept = issued[correction_rows.apart(issued)]
    held = issued[correction_rows.held_back(issued)]
    assert len(held) == pytest.approx(len(issued) / 4, rel=0.05)
    assert len(kept) > len(issued) / 2
    for first in np.unique(held // BLOCK_MS) * BLOCK_MS:
        before = (kept + REACH_MS < first) | (kept >= first)
        after = (kept - DAY_MS >= first + BLOCK_MS) | (kept < first)
        assert (before & after).all()


def test_the_table_of_a_choice_stands_in_the_manifest_with_the_losses_by_epoch() -> None:
    fitted = fit("net", "mean", "gru-residual")
    about = fitted.manifest["corrections"]
    assert set(about["table"]) == {"closed form", "net", "mean", "gru-residual"}
    assert about["serves"] == correction.best(("net", "mean", "gru-residual"), about["table"])
    for losses in fitted.manifest["learning"].values():
        assert len(losses["train"]) == len(losses["held_back"]) == 2
    assert fitted.correction is not None
    assert fitted.correction.about()["family"] == about["serves"]


def test_the_mean_is_judged_as_the_mean_of_the_same_net() -> None:
    table = fit("net", "mean").manifest["corrections"]["table"]
    assert table["mean"]["pinball"] != table["net"]["pinball"]
    worst = max(table["net"]["pinball"], table["closed form"]["pinball"])
    assert table["mean"]["pinball"] <= worst


def test_a_later_family_serves_only_when_it_is_better_by_more_than_chance() -> None:
    table = {"net": {"pinball": 2.0}, "mean": {"pinball": 1.985}, "gru-single": {"pinball": 1.9}}
    assert correction.best(("net", "mean"), table) == "net"
    assert correction.best(("net", "mean", "gru-single"), table) == "gru-single"


def test_one_family_alone_is_not_judged() -> None:
    about = trained("net").manifest["corrections"]
    assert about["serves"] == "net"
    assert "table" not in about


def test_a_family_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ValueError, match="no correction is called 'prophet'; there are net, mean, lstm-single"
    ):
        fit("prophet")


def test_a_correction_learns_without_any_weather() -> None:
    from dataclasses import replace

    plain = [replace(t, table=None) for t in tellers()]
    config = TrainConfig(corrections=("net",), net=NetSettings(rows=6000, epochs=2, members=1))
    fitted = correction.fit(plain, small_release().closed_form, config, lambda _said, _part: None)
    assert fitted.correction is not None
    x = tellers()[0].tell(*_issues(plain[0])).x
    assert not x.physical.any()
    start = small_release().closed_form.correct(x)
    assert np.isfinite(fitted.correction.correct(x, start)).all()


def _issues(teller):
    issued = teller.issues(HOUR_MS)[:20]
    valid = issued[:, None] + np.array([1, 6]) * HOUR_MS
    return issued, valid, np.full(valid.shape, 3600), np.zeros(len(issued), np.int64)
