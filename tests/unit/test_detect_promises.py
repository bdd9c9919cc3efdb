"""Every detector keeps every promise of `detector_checks`."""

from __future__ import annotations

import time

import numpy as np
import pytest

from models.detect import all as detect
from models.detect.view import Detector
from tests.detector_checks import CHECKS, Check, faulty_story
from tests.plant_views import Story, tell, views


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
@pytest.mark.parametrize("detector", detect.DETECTORS, ids=lambda d: d.name)
def test_detector_keeps_its_promise(detector: Detector, check: Check) -> None:
    check(detector)


def test_the_faulty_story_gives_every_detector_something_to_find() -> None:
    found = {event["detector"] for event in tell(faulty_story())}
    assert found == {detector.name for detector in detect.DETECTORS}


def test_names_of_detectors_are_unique() -> None:
    names = [d.name for d in detect.DETECTORS]
    assert len(names) == len(set(names))
    assert len({f.name for f in detect.FIELDS}) == len(detect.FIELDS)


def test_a_thousand_plants_are_looked_at_in_a_moment() -> None:
    rng = np.random.default_rng(0)
    wind = rng.uniform(3, 12, (1000, 4, 30))
    unit_kw = np.clip((wind - 3) / 9, 0, 1) ** 2 * 2000
    story = Story(
        power_kw=unit_kw.sum(axis=1),
        capacity_kw=np.full(1000, 8000.0),
        is_solar=np.zeros(1000, np.bool_),
        wind_speed_ms=wind.mean(axis=1),
        unit_power_kw=unit_kw,
        unit_wind_ms=wind,
    )
    spent = []
    for view in views(story):
        start = time.perf_counter()
        detect.look(view)
        spent.append(time.perf_counter() - start)
    # 5 ms on a free core; the limit only catches a loop over plants
    assert np.median(spent) < 0.06
