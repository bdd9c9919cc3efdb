"""Which champions must go, and which shall be trained again, by what they do live."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cli import live_checks
from cli.live_checks import fallen, groups, rollbacks
from infra.settings import Settings, isolated
from models.live_losses import LiveDay
from schemas.records import ReleaseRecord, ReleaseRole

CHAMPION, SHADOW = ReleaseRole.CHAMPION, ReleaseRole.SHADOW
PROMISE = {"scores": {p: {"6h": {"nmae": 5.0, "nmae_persistence": 10.0}} for p in ("a", "b")}}


def record(version: str, role: ReleaseRole, at: int, *plants: str, manifest: Any = PROMISE) -> ReleaseRecord:
    return ReleaseRecord("gridcast", version, at, at, role, "", 0, plants, json.dumps(manifest))


REPLACED = [record("1", CHAMPION, 1), record("2", CHAMPION, 2), record("1", SHADOW, 3)]


def days(first: float, second: float, plants: Sequence[str], count: int = 10) -> list[LiveDay]:
    rng = np.random.default_rng(4)
    return [
        LiveDay(plant_id, 20_000 + day, "6h", 24, first + noise, second)
        for plant_id in plants
        for day, noise in enumerate(rng.normal(0, 0.001, count))
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return isolated(tmp_path)


@pytest.fixture
def releases() -> Any:
    return SimpleNamespace(manifest=lambda one: json.loads(one.manifest))


def live(monkeypatch: pytest.MonkeyPatch, paired: tuple[float, float], alone: tuple[float, float]) -> None:
    """What PostgreSQL would say: losses of champion and shadow, errors of champion and persistence."""
    monkeypatch.setattr(live_checks, "side_by_side", lambda _c, _one, _other, plants: days(*paired, plants))
    monkeypatch.setattr(live_checks, "beside_persistence", lambda _c, _one, plants: days(*alone, plants))


def test_plants_are_looked_at_by_what_serves_them_and_what_ran_before() -> None:
    made = [*REPLACED, record("3", CHAMPION, 4, "b"), record("2", SHADOW, 5, "b")]
    general, own = groups(made, ["a", "b"])
    assert (general.champion.version, general.plants, general.scope) == ("2", ("a",), ())
    assert general.shadow is not None and general.shadow.version == "1"
    assert (own.champion.version, own.plants, own.scope) == ("3", ("b",), ("b",))
    assert own.shadow is not None and own.shadow.version == "2"
    assert groups([], ["a"]) == []


def test_a_shadow_that_never_served_is_no_reason_to_roll_back_to(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, releases: Any
) -> None:
    made = [record("1", CHAMPION, 1), record("9", SHADOW, 2)]
    (group,) = groups(made, ["a"])
    assert group.shadow is None
    live(monkeypatch, (0.06, 0.05), (0.05, 0.10))
    assert rollbacks(None, settings, releases, [group]) == []  # type: ignore[arg-type]


def test_a_champion_that_loses_to_the_one_before_it_must_go(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, releases: Any
) -> None:
    of = groups(REPLACED, ["a", "b"])
    live(monkeypatch, (0.06, 0.05), (0.05, 0.10))
    (one,) = rollbacks(None, settings, releases, of)  # type: ignore[arg-type]
    assert "gridcast 2 does worse live than gridcast 1" in one.reason
    assert one.to_json()["live"]["plants"] == 2
    live(monkeypatch, (0.05, 0.06), (0.05, 0.10))
    assert rollbacks(None, settings, releases, of) == []  # type: ignore[arg-type]


def test_without_a_shadow_what_was_promised_counts(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, releases: Any
) -> None:
    of = groups(REPLACED[:1], ["a", "b"])
    live(monkeypatch, (0.0, 0.0), (0.07, 0.10))  # promised: half of persistence
    assert rollbacks(None, settings, releases, of) == []  # type: ignore[arg-type]
    (reason,) = fallen(None, settings, releases, of)  # type: ignore[arg-type]
    assert reason.trigger == "skill"
    assert "1.15 times what was promised" in reason.text
    live(monkeypatch, (0.0, 0.0), (0.11, 0.10))
    (one,) = rollbacks(None, settings, releases, of)  # type: ignore[arg-type]
    assert "2 times the errors that it promised" in one.reason
    off = settings.model_copy(update={"schedule_rollback_factor": 0.0, "schedule_skill_factor": 0.0})
    assert rollbacks(None, off, releases, of) == []  # type: ignore[arg-type]
    assert fallen(None, off, releases, of) == []  # type: ignore[arg-type]


def test_a_promise_made_in_hindsight_is_none(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, releases: Any
) -> None:
    looked_back = json.dumps({**PROMISE, "hindsight": True})
    of = groups([replace(REPLACED[0], manifest=looked_back)], ["a"])
    live(monkeypatch, (0.0, 0.0), (0.11, 0.10))
    assert rollbacks(None, settings, releases, of) == []  # type: ignore[arg-type]
    assert fallen(None, settings, releases, of) == []  # type: ignore[arg-type]
