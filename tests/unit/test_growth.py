"""A worker that runs for years holds what its plants need now, not all that ever was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load as tensors_of

from infra import metrics
from models import issuing
from models.engine import Engine
from models.snapshot import ABOUT
from models.steps import EngineSettings
from schemas.records import ReleaseRole
from schemas.scores import records_of
from streams import meter
from tests.journals import Item, batches, numbers, plant, run, scan
from tests.stream.live_run import load, release

EVERY_H = 12


def hours(first: int, last: int) -> list[Item]:
    """Hourly scans, a run each day, and every few hours a new champion beside a new shadow."""
    made: list[Item] = []
    for hour in range(first, last):
        if hour % 24 == 0:
            made.append(run("a", hour * 60))
        if hour % EVERY_H == 0:
            made.append(release(str(2 * hour), hour * 60))
            made.append(release(str(2 * hour + 1), hour * 60, role=ReleaseRole.SHADOW))
        made.append(scan("a", hour * 60, 300.0 + hour % 7 * 40))
    return made


def models_of(state: bytes) -> list[list[str]]:
    named: list[list[str]] = json.loads(tensors_of(state)[ABOUT].tobytes())["models"]
    return named


def test_a_state_names_the_releases_whose_forecasts_wait_and_no_others() -> None:
    went_on, items = Engine(EngineSettings(), load), [plant("a", resolution_s=3600, issue_every_s=3600)]
    first = batches([*items, *hours(0, 96)], [50])
    for batch in first:
        went_on.apply(batch)
    taken = went_on.snapshot("a")
    named = [int(version) for _, version in models_of(taken.state)]
    assert len(went_on.fleet.models) > 12
    assert len(named) <= 10
    assert max(named) == 2 * 84 + 1, "the shadow's among them"
    restored = Engine(EngineSettings(), load)
    restored.serving.restore(went_on.serving.to_json())
    restored.restore(taken)
    assert restored.snapshot("a").state == taken.state
    assert len(restored.fleet.models) == len(named)
    for batch in batches(hours(96, 108), [7], first[-1].last_offset + 1):
        one, other = went_on.apply(batch), restored.apply(batch)
        assert numbers([one]) == numbers([other])
        assert list(records_of(one.scores)) == list(records_of(other.scores))


def test_plants_that_wait_for_their_first_release_are_one_group_in_whatever_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, sizes = issuing.forecasting.make, list[int]()

    def counted(fleet, side, *more):  # type: ignore[no-untyped-def]
        sizes.append(side.slots.size)
        return made(fleet, side, *more)

    monkeypatch.setattr(issuing.forecasting, "make", counted)
    engines = [Engine(EngineSettings(), load) for _ in range(3)]
    for number, engine in enumerate(engines):
        engine.join(engines[0].fleet)
        engine.apply(batches([plant(f"p{number}")], [1])[0])
    fleet = engines[0].fleet
    at_ms = np.full(3, 1_400_000_400_000 // 900_000 * 900_000)
    issuing.issue(fleet, np.arange(3), at_ms, at_ms, engines[0].apply(batches([plant("x")], [1])[0]))
    assert sizes == [3]


def test_the_numbers_of_plants_that_another_worker_has_disappear() -> None:
    for feed in meter.FEEDS:
        for plant_id in ("stays", "leaves"):
            metrics.QUALITY.labels(plant_id, feed).set(0.9)
    metrics.RESTORE_SECONDS.labels("7").set(1.5)
    meter.forget_plants(7, ["leaves", "never heard of"])
    told = {tuple(one.labels.values()) for one in next(iter(metrics.QUALITY.collect())).samples}
    assert {("stays", feed) for feed in meter.FEEDS} <= told
    assert not any(plant_id == "leaves" for plant_id, _ in told)
    restores = [one.labels["partition"] for one in next(iter(metrics.RESTORE_SECONDS.collect())).samples]
    assert "7" not in restores
