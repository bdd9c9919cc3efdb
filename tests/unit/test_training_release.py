"""A release survives its file, and another file is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from models.release import Release, cold_start
from models.release_file import load, probe, save
from models.training import select
from models.training.config import NetSettings, TrainConfig
from models.training.families import Plan
from models.training.train import train
from schemas.errors import ReleaseRefused
from tests.forecast_world import (
    SOLAR,
    START_MS,
    WIND,
    history,
    made_up_input,
    runs,
    small_config,
    small_release,
)


def test_a_release_gives_the_same_bits_after_its_file() -> None:
    release = small_release()
    again = load(save(release))
    x = made_up_input(30, 5)
    np.testing.assert_array_equal(again.correct(x), release.correct(x))
    run = runs(WIND, 2)[1]
    for plant in (WIND, SOLAR):
        before, after = release.weather[plant.plant_id], again.weather[plant.plant_id]
        np.testing.assert_array_equal(
            after.base(plant, run, run.valid_at_ms), before.base(plant, run, run.valid_at_ms)
        )
    hours = run.valid_at_ms
    np.testing.assert_array_equal(
        again.climatology.base(SOLAR, hours), release.climatology.base(SOLAR, hours)
    )
    assert again.manifest == json.loads(json.dumps(release.manifest))
    assert len(again.sha256) == 64
    assert again.reference["wind-1"].keys() == release.reference["wind-1"].keys()


def test_the_same_release_is_the_same_file() -> None:
    content = save(small_release())
    assert save(load(content)) == content
    assert save(load(save(cold_start()))) == save(cold_start())


def test_the_same_data_and_seed_train_the_same_release() -> None:
    histories = [history(WIND), history(SOLAR)]
    again = train(histories, small_config(), lambda _said, _part: None)
    assert save(again) == save(small_release())


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises(ReleaseRefused):
        load(save(cold_start())[:cut])


def test_a_file_of_another_format_is_refused() -> None:
    content = save(cold_start())
    with pytest.raises(ReleaseRefused):
        load(content.replace(b'\\"format\\": 3', b'\\"format\\": 9'))


def test_a_file_whose_numbers_are_others_is_refused() -> None:
    release = small_release()
    said = probe(release)
    bent = replace(release, closed_form=replace(release.closed_form, spread=release.closed_form.spread * 1.5))
    content = bytearray(save(release))
    weights = release.closed_form.spread.tobytes()
    place = bytes(content).index(weights)
    content[place : place + len(weights)] = bent.closed_form.spread.tobytes()
    assert not np.array_equal(probe(bent)["correction"], said["correction"])
    with pytest.raises(ReleaseRefused, match="other numbers"):
        load(bytes(content))


def test_the_manifest_says_what_was_trained_on_what() -> None:
    about = small_release().manifest["plants"]["wind-1"]
    assert about["from"] < about["to"]
    assert about["weather_sources"] == ["made-up"]
    assert "wind_speed_100m_ms" in about["weather_columns"]
    assert "wind_speed_100m_ms@+1" in small_release().manifest["features"]["wind-1"]
    said = small_release().manifest
    assert said["data"]["from"] < said["data"]["to"]
    assert said["weather"] == {"made-up": {"runs": 80, "hindsight": False}}
    assert small_release().knows("wind-1")
    assert not small_release().knows("nobody")


def test_scores_stand_in_the_manifest_in_percent() -> None:
    known = history(SOLAR)
    trial = select.trial(small_release(), known, START_MS + 33 * 86_400_000)
    shown = select.with_scores(small_release(), {"solar-1": trial.scores}).manifest["scores"]["solar-1"]["6h"]
    assert set(shown) == {"n", "nmae", "pinball", "coverage80", "nmae_persistence"}
    assert shown["nmae"] == pytest.approx(100 * trial.scores["6h"].nmae, abs=1e-4)
    assert len(trial.day) == len(trial.loss) == 7


def test_a_few_hours_are_no_score() -> None:
    known = history(WIND)
    assert select.trial(small_release(), known, int(known.end_ms[-1]) - 5 * 3_600_000).scores == {}


def test_a_blind_training_corrects_nothing() -> None:
    release: Release = train([history(WIND)], small_config(blind=True), lambda _said, _part: None)
    assert release.correction is None


def test_no_plant_at_all_is_said() -> None:
    with pytest.raises(ValueError, match="no plant"):
        train([], small_config(), lambda _said, _part: None)


def test_a_plant_without_weather_still_gets_its_climatology() -> None:
    alone = replace(history(WIND), runs=[])
    release = train([alone], small_config(), lambda _said, _part: None)
    assert release.weather == {}
    assert "wind-1" in release.climatology.tables
    assert np.isfinite(release.correct(made_up_input(5, 3))).all()


def test_a_plant_with_little_history_shares_the_trees_of_its_kind() -> None:
    young = replace(WIND, plant_id="wind-2")
    (rich, fresh) = history(WIND), history(young, 6)
    release = train([rich, fresh], replace(small_config(), least_days=20), lambda _said, _part: None)
    (own,), (shared,) = release.weather["wind-1"].members, release.weather["wind-2"].members
    assert own is not shared
    alone = train([fresh], replace(small_config(), least_days=20), lambda _said, _part: None)
    run = fresh.runs[-1]
    learned, known = shared.names, alone.weather["wind-2"].names
    assert "hour_utc" not in learned  # what is another hour elsewhere is not learned from together
    assert set(learned) <= set(known) | {"day_of_year"}
    assert np.isfinite(release.base(young, run, run.valid_at_ms).q).all()


def test_a_release_keeps_what_its_weather_looked_like() -> None:
    reference = small_release().reference["wind-1"]
    assert set(reference) == set(runs(WIND, 1)[0].columns)
    assert all(50 <= len(values) <= 256 for values in reference.values())


def test_runs_without_a_column_train_no_weather_model() -> None:
    bare = [replace(run, columns={}) for run in history(WIND).runs]
    release = train([replace(history(WIND), runs=bare)], small_config(), lambda _said, _part: None)
    assert release.weather == {}


def test_a_solar_plant_s_panel_is_found_where_the_registry_lacks_it() -> None:
    tilted = replace(SOLAR, plant_id="solar-3", tilt_deg=30.0, azimuth_deg=180.0)
    assert set(small_release().manifest["sites"]["solar-1"]) == {"tilt_deg", "azimuth_deg"}
    assert small_release().completed(SOLAR).tilt_deg is not None
    release = train([history(tilted)], small_config(), lambda _said, _part: None)
    assert release.manifest["sites"]["solar-3"] == {}
    assert release.completed(tilted) == tilted


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TrainConfig(threads=0), "threads is 0"),
        (lambda: TrainConfig(net=NetSettings(epochs=0)), "net.epochs is 0"),
        (lambda: Plan((("zzz", 1.0),)), "no such family: zzz; there are boosting"),
        (lambda: Plan((("boosting", 0.0),)), "over 0"),
    ],
)
def test_settings_that_no_training_could_follow_are_refused(make, said) -> None:
    with pytest.raises(ValueError, match=said):
        make()
