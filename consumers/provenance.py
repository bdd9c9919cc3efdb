"""Why two records of one identity may differ: what each was made from, and the place in it that differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Record = Mapping[str, Any]
Sides = tuple[Any, Any]

#: What a record was made from, where it says so: the first place to look for the reason of a difference.
PROVENANCE: Final = (
    "model",
    "version",
    "release_sha256",
    "plant_valid_from",
    "capacity_kw",
    "telemetry_at",
    "telemetry_offset",
    "run_source",
    "run_published_at",
    "event_time",
    "known_at",
)
#: In the order in which they explain: the first that differs is told, with its fields.
_REASONS: Final = (
    (("model", "version", "release_sha256"), "another release"),
    (("plant_valid_from", "capacity_kw"), "another version of the plant"),
    (("run_source", "run_published_at"), "another newest weather run"),
    (("telemetry_at",), "other newest telemetry"),
    (("telemetry_offset",), "the newest telemetry stands elsewhere in the journal: a correction, a repeat"),
    (("known_at", "event_time"), "another record set it off"),
)
_ELSEWHERE: Final = (
    "the same release, plant version, newest run and newest telemetry: an older record of the journal, "
    "the state that the run began with, or the code was another one"
)
_FORECAST_STEPS: Final = ("valid_at", "interval_s", "rung", "available_kw")


def provenance(left: Record | None, right: Record | None) -> dict[str, Sides]:
    """What the two records were made from, field by field; of plain values alone."""
    some = left or right or {}
    named = [name for name in PROVENANCE if name in some and not isinstance(some[name], list)]
    return {name: ((left or {}).get(name), (right or {}).get(name)) for name in named}


def reasons(left: Record | None, right: Record | None) -> list[str]:
    """In plain words, the likeliest first. Nothing where a side has no record: nobody can say."""
    if left is None or right is None:
        return []
    made = provenance(left, right)
    found = [text for names, text in _REASONS if any(n in made and made[n][0] != made[n][1] for n in names)]
    return found or [_ELSEWHERE]


def place_in(name: str, field: str, place: int, record: Record) -> dict[str, Any]:
    """What an element of an array is of: the step and level of a forecast, the lead time of a score."""
    if place < 0:
        return {}
    if name == "Forecast" and field == "power_kw":
        step, level = divmod(place, len(record["levels"]))
        return {**_step(record, step), "level": record["levels"][level]}
    if name == "Forecast" and field in _FORECAST_STEPS:
        return _step(record, place)
    if name == "Score" and place < len(record["lead_s"]):
        return {"lead_s": record["lead_s"][place], "issued_at": record["issued_at"][place]}
    return {}


def _step(record: Record, step: int) -> dict[str, Any]:
    return {"step": step, "valid_at": record["valid_at"][step]} if step < len(record["valid_at"]) else {}
