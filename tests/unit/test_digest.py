"""What the digest of a topic promises, without a topic."""

import math
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers import tables
from consumers.differences import compare
from consumers.digest import Contents, TimeRange
from consumers.identity import KINDS, canonical, identity, said
from schemas.codec import Codec
from schemas.ids import record_names, today
from tests.output_records import forecast, scan

Named = tuple[str, dict[str, Any]]


def contents(*records: Named) -> Contents:
    made = Contents()
    for name, record in records:
        made.add(name, record)
    return made


def forecasts(count: int = 20) -> list[Named]:
    return [("Forecast", forecast("ab"[i % 2], i)) for i in range(count)]


def test_order_repeats_offsets_and_known_at_are_no_part_of_a_digest() -> None:
    plain = forecasts()
    other = [*plain, *plain[3:7]]
    random.Random(1).shuffle(other)
    moved = [(name, record | {"known_at": 7, "telemetry_offset": 9}) for name, record in other]
    assert contents(*plain).digest() == contents(*moved).digest()
    assert contents(*plain).digests() == contents(*moved).digests()
    assert contents(*moved).repeats == 4


def test_what_is_no_part_of_a_digest_of_forecasts_is_no_conflict_in_their_table() -> None:
    """Else a journal that was lost and sent again, at other offsets, would raise many alarms."""
    assert not KINDS["Forecast"].left_out & set(tables.FORECASTS.compared)
    assert {"power_kw", "telemetry_at", "release_sha256"} <= set(tables.FORECASTS.compared)


def test_one_bit_of_one_quantile_is_another_digest_of_its_plant_alone() -> None:
    plain, other = forecasts(), forecasts()
    power_kw = other[4][1]["power_kw"]
    power_kw[1] = math.nextafter(power_kw[1], math.inf)
    left, right = contents(*plain), contents(*other)
    assert left.digest() != right.digest()
    assert left.digests()["b"] == right.digests()["b"]
    assert left.digests()["a"] != right.digests()["a"]
    parts = compare(left, right)
    assert parts.by_plant() == {"a": {"differing": 1}}
    assert parts.differing == [("a", identity(*plain[4]))]


def test_two_values_of_one_forecast_are_a_contradiction_in_whatever_order_they_came() -> None:
    one, other = ("Forecast", forecast("a", 1)), ("Forecast", forecast("a", 1, power_kw=7.0))
    first, second = contents(one, other), contents(other, one, one)
    assert first.conflicts() == second.conflicts() == [("a", identity(*one))]
    assert first.digest() == second.digest() != contents(one).digest()


def test_another_value_of_a_scan_is_a_correction_and_the_order_of_corrections_counts() -> None:
    one, other = ("Telemetry", scan("a", 1, 5.0)), ("Telemetry", scan("a", 1, 6.0))
    corrected = contents(one, other, other)
    assert (corrected.conflicts(), corrected.corrections, corrected.repeats) == ([], 1, 1)
    assert corrected.digest() != contents(other, one).digest()
    assert not compare(corrected, contents(other, one)).same


def test_what_stands_on_one_side_alone_is_found() -> None:
    both = forecasts()
    parts = compare(contents(*both[:-1]), contents(*both[1:]))
    assert parts.only_left == [("a", identity(*both[0]))]
    assert parts.only_right == [("b", identity(*both[-1]))]
    assert compare(contents(*both), contents(*reversed(both))).same


def test_a_release_stands_in_every_partition_and_counts_once() -> None:
    release = {"name": "r", "version": "1", "valid_from": 5, "role": "champion", "known_at": 5, "plants": []}
    made = contents(("Release", release), ("Release", release | {"known_at": 6}))
    assert made.repeats == 1
    assert list(made.plants) == [""]


def test_a_range_holds_its_start_and_not_its_end() -> None:
    part = TimeRange(10, 20)
    assert [part.holds(t) for t in (9, 10, 19, 20)] == [False, True, True, False]
    assert TimeRange().holds(0)


def test_every_kind_names_fields_of_its_schema() -> None:
    for name in record_names():
        if name in KINDS:
            known = {field["name"] for field in today(name)["fields"]}
            kind = KINDS[name]
            assert {*kind.key, *([kind.time] if kind.time else [])} <= known
    assert {"Forecast", "AnomalyEvent", "Score", "DriftEvent", "Telemetry"} <= set(KINDS)


def test_a_record_says_the_same_before_and_after_the_wire() -> None:
    record = forecast("a", 3) | {"telemetry_at": None}
    payload = Codec().encode("Forecast", [record])[0]
    _, decoded = Codec().decode(payload)
    again = Codec().decode(Codec().encode("Forecast", [decoded])[0])[1]
    assert said("Forecast", decoded) == said("Forecast", again)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_different_values_have_different_bytes(one: Any, other: Any) -> None:
    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return "map", sorted((k, typed(v)) for k, v in value.items())
        if isinstance(value, list):
            return "list", [typed(v) for v in value]
        return type(value).__name__, str(value)

    if not _mixes_numbers(one) and not _mixes_numbers(other):
        assert (canonical(one) == canonical(other)) == (repr(typed(one)) == repr(typed(other)))


def _mixes_numbers(value: Any) -> bool:
    """An Avro array holds numbers of one type; a list that mixes them cannot come."""
    if isinstance(value, dict):
        return any(map(_mixes_numbers, value.values()))
    if isinstance(value, list):
        types = {type(v) for v in value}
        return len(types & {int, float, bool}) > 1 or any(map(_mixes_numbers, value))
    return False
