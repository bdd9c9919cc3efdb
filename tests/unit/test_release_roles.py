"""Which release serves which plant, which runs beside it, and which would serve again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from consumers.releases import champion, known_plants, predecessor, replaced, shadow
from models.release import Release, cold_start
from models.serving import Serving
from models.snapshot import Held
from schemas.errors import ReleaseRefused
from schemas.records import ReleaseRecord, ReleaseRole

CHAMPION, SHADOW, WITHDRAWN = ReleaseRole.CHAMPION, ReleaseRole.SHADOW, ReleaseRole.WITHDRAWN


def records(*said: tuple[str, ReleaseRole, tuple[str, ...]]) -> list[ReleaseRecord]:
    """Records of versions, roles and plants in the order in which they were made."""
    return [
        ReleaseRecord("gridcast", version, at, at, role, "ab" * 32, 10, plants)
        for at, (version, role, plants) in enumerate(said)
    ]


def version(record: ReleaseRecord | None) -> str | None:
    return None if record is None else record.version


def test_a_promotion_puts_the_champion_beside_and_a_rollback_brings_it_back() -> None:
    made = records(("1", CHAMPION, ()), ("2", CHAMPION, ()), ("1", SHADOW, ()))
    assert version(champion(made)) == "2"
    assert version(shadow(made)) == "1"
    assert version(predecessor(made)) == "1"
    made = records(*[(r.version, r.role, r.plants) for r in made], ("1", CHAMPION, ()), ("2", WITHDRAWN, ()))
    assert version(champion(made)) == "1"
    assert shadow(made) is None, "it serves itself"
    assert predecessor(made) is None


def test_one_plant_may_have_another_champion_and_another_shadow() -> None:
    made = records(("1", CHAMPION, ()), ("2", CHAMPION, ("a",)), ("1", SHADOW, ("a",)))
    assert [version(champion(made, plant)) for plant in (None, "a", "b")] == ["1", "2", "1"]
    assert [version(shadow(made, plant)) for plant in (None, "a", "b")] == [None, "1", None]
    assert version(predecessor(made, "a")) == "1"
    assert predecessor(made, "b") is None
    back = [*made, replace(made[1], role=WITHDRAWN, valid_from_ms=9)]
    assert version(champion(back, "a")) == "1"


def test_what_is_replaced_is_known_by_plant() -> None:
    made = records(("1", CHAMPION, ()), ("2", CHAMPION, ("a", "c")))
    assert {plants: one.version for plants, one in replaced(made).items()} == {(): "1", ("a", "c"): "2"}
    assert {plants: one.version for plants, one in replaced(made, ("a", "b")).items()} == {
        ("a",): "2",
        ("b",): "1",
    }
    assert replaced([]) == {}


def test_a_withdrawn_shadow_ends_and_none_before_it_comes_back() -> None:
    made = records(("1", SHADOW, ()), ("2", SHADOW, ()), ("3", CHAMPION, ()))
    assert version(shadow(made)) == "2"
    gone = [*made, replace(made[1], role=WITHDRAWN, valid_from_ms=9)]
    assert shadow(gone) is None


def test_a_plant_is_known_when_what_serves_it_was_trained_on_it() -> None:
    general, own = records(("1", CHAMPION, ()), ("2", CHAMPION, ("b",)))
    general = replace(general, manifest=json.dumps({"plants": {"a": {}, "b": {}}}))
    own = replace(own, manifest=json.dumps({"plants": {"b": {}, "c": {}}}))
    assert known_plants([general]) == {"a", "b"}
    assert known_plants([own]) == {"b"}, "it serves no other"
    assert known_plants([general, own]) == {"a", "b"}
    assert known_plants([replace(general, manifest="no JSON")]) == set()


def test_a_record_is_judged_also_where_another_has_brought_its_models() -> None:
    def load(record: ReleaseRecord) -> Release:
        if "stranger" in record.plants:
            raise ReleaseRefused("it was not trained on stranger")
        return cold_start()

    general, own = records(("1", CHAMPION, ()), ("1", CHAMPION, ("stranger",)))
    for heard in ([own], [general, own]):
        serving = Serving(load)
        for record in heard[:-1]:
            serving.judge(Held(record.valid_from_ms, record))
        with pytest.raises(ReleaseRefused):
            serving.judge(Held(heard[-1].valid_from_ms, heard[-1]))
