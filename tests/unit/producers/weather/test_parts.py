"""The breaker, the cache and the schedule, each on its own clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from producers.weather.answers import Place, Said
from producers.weather.breaker import Breaker
from producers.weather.cache import Cache
from producers.weather.schedule import Schedule
from schemas.errors import ServiceUnavailable
from tests.unit.producers.weather.collecting import Clock, plant

HERE = Place(54.0, 8.0)


def said(clock: Clock) -> Said:
    values = np.array([1.5, np.nan, 0.0])
    hours = np.arange(3, dtype=np.int64) * 3_600_000
    return Said(HERE, int(clock.now_s * 1000), hours, {"wind_speed_10m_ms": values})


def test_a_breaker_opens_after_failures_in_a_row_and_one_call_decides_later() -> None:
    clock = Clock()
    breaker = Breaker("source", clock, most_failures=3, rest_s=60.0)
    for _ in range(2):
        breaker.failed("why")
        breaker.check()
    breaker.went_well()
    for _ in range(3):
        breaker.check()
        breaker.failed("why")
    with pytest.raises(ServiceUnavailable, match=r"left alone for 60 s more \(why\)"):
        breaker.check()
    clock.sleep(61.0)
    breaker.check()
    breaker.failed("why")
    with pytest.raises(ServiceUnavailable):
        breaker.check()
    clock.sleep(61.0)
    breaker.check()
    breaker.went_well()
    breaker.failed("why")
    breaker.check()


def test_a_cache_gives_back_what_was_said_with_its_own_time(tmp_path: Path) -> None:
    clock = Clock()
    cache = Cache(tmp_path / "new", 100.0, clock)
    assert cache.get("question", HERE) is None
    cache.put("question", said(clock))
    clock.sleep(99.0)
    found = cache.get("question", HERE)
    assert found is not None
    assert found.fetched_at_ms == (clock.now_s - 99.0) * 1000
    assert found.columns["wind_speed_10m_ms"].tolist()[::2] == [1.5, 0.0]
    assert np.isnan(found.columns["wind_speed_10m_ms"][1])
    assert cache.get("another question", HERE) is None
    assert cache.get("question", Place(54.01, 8.0)) is None
    clock.sleep(2.0)
    assert cache.get("question", HERE) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"fetched_at_ms": 1}', b"\xff", b"null"])
def test_a_damaged_file_of_the_cache_is_as_none(tmp_path: Path, damage: bytes) -> None:
    clock = Clock()
    cache = Cache(tmp_path, 100.0, clock)
    cache.put("question", said(clock))
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(damage)
    assert cache.get("question", HERE) is None


def test_an_answer_from_the_future_is_not_used(tmp_path: Path) -> None:
    clock = Clock()
    cache = Cache(tmp_path, 100.0, clock)
    cache.put("question", said(clock))
    clock.sleep(-3600.0)
    assert cache.get("question", HERE) is None


def test_a_cache_that_cannot_be_written_costs_no_more_than_a_call(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    clock = Clock()
    cache = Cache(blocked / "cache", 100.0, clock)
    cache.put("question", said(clock))
    assert cache.get("question", HERE) is None


def test_places_on_a_border_are_one_place() -> None:
    assert Place.near(54.0, 180.0) == Place.near(54.0, -180.0) == Place(54.0, -180.0)
    assert Place.near(-0.001, -0.001) == Place(0.0, 0.0)
    assert str(Place.near(-0.001, -0.001)) == "0,0"
    assert Place.near(89.999, 0.0).latitude == 90.0


def test_a_clock_that_is_set_back_puts_no_collection_off_for_years() -> None:
    clock = Clock()
    schedule = Schedule(3600.0, 300.0)
    ridge = plant("ridge")
    schedule.came(ridge, int(clock.now_s * 1000))
    clock.sleep(-10 * 365 * 86_400.0)
    waited_s = 0.0
    while not schedule.due([ridge], clock.now_s) and waited_s < 7200.0:
        clock.sleep(60.0)
        waited_s += 60.0
    assert waited_s <= 3660.0


def test_a_plant_that_is_gone_and_back_is_new() -> None:
    clock = Clock()
    schedule = Schedule(3600.0, 300.0)
    schedule.came(plant("ridge"), int(clock.now_s * 1000))
    assert schedule.due([plant("ridge")], clock.now_s) == []
    assert schedule.due([], clock.now_s) == []
    assert schedule.due([plant("ridge")], clock.now_s) == [plant("ridge")]
