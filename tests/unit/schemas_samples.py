"""Records for the tests of `schemas`: made up from the schemas themselves, or by hand."""

from typing import Any

from hypothesis import strategies as st

from schemas.ids import today

Strategies = dict[str, st.SearchStrategy[Any]]

YEAR_2014_MS = 1_388_534_400_000
_SIMPLE: Strategies = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=12),
    "bytes": st.binary(max_size=70),
}
# Times that a datetime can hold, for readers that make one of every timestamp.
TIMES_MS = st.integers(0, 4_102_444_800_000)


def records(name: str, longs: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Any record of that name; `longs` instead of any 64-bit number."""
    return _values(today(name), {"long": longs} if longs is not None else {}, {})


def _values(kind: Any, instead: Strategies, named: Strategies) -> st.SearchStrategy[Any]:
    if isinstance(kind, list):
        return st.one_of([_values(branch, instead, named) for branch in kind])
    if isinstance(kind, str):
        return (_SIMPLE | instead | named)[kind]
    if kind["type"] == "array":
        return st.lists(_values(kind["items"], instead, named), max_size=3)
    if kind["type"] == "map":
        return st.dictionaries(st.text(max_size=5), _values(kind["values"], instead, named), max_size=3)
    if kind["type"] == "enum":
        return st.sampled_from(kind["symbols"])
    fields = {field["name"]: _values(field["type"], instead, named) for field in kind["fields"]}
    record: st.SearchStrategy[Any] = st.fixed_dictionaries(fields)
    named[kind["name"]] = record
    return record


def telemetry(
    plant_id: str = "a", event_time: int = YEAR_2014_MS, units: int = 0, **fields: Any
) -> dict[str, Any]:
    """A whole telemetry record, with as many units as asked for."""
    readings = [
        {"unit_id": f"T{at}", "power_kw": 100.0 + at, "wind_speed_ms": None, "status": None}
        for at in range(units)
    ]
    record = {"plant_id": plant_id, "event_time": event_time, "known_at": event_time + 1, "power_kw": 12.5}
    return record | {"units": readings} | fields


def tick(plant_id: str = "a", event_time: int = YEAR_2014_MS) -> dict[str, Any]:
    """A tick."""
    return {"plant_id": plant_id, "event_time": event_time, "known_at": event_time + 60_000}
