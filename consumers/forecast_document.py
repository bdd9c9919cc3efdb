"""A forecast as a document: what the command line prints and the API answers, from one Forecast record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from schemas.errors import InputError
from schemas.rungs import Rung

RUNGS: Final = tuple(rung.title for rung in Rung)
Record = Mapping[str, Any]


def document(
    record: Record, levels: Collection[float] | None = None, leads_s: Collection[int] | None = None
) -> dict[str, Any]:
    """All that a forecast says, of every step and level or of chosen ones.

    Args:
        levels: quantile levels, all where None.
        leads_s: seconds from the issue; each stands for the step that it lies in, one in none is left out.

    Raises:
        InputError: a level is not published.
    """
    issued_at_ms = record["issued_at"]
    return {
        "plant_id": record["plant_id"],
        "issued_at": iso(issued_at_ms),
        "known_at": iso(record["known_at"]),
        "model": record["model"],
        "version": record["version"],
        "capacity_kw": record["capacity_kw"],
        "stale": record["stale"],
        "telemetry_at": iso_or_none(record["telemetry_at"]),
        "telemetry_age_s": _age_s(issued_at_ms, record["telemetry_at"]),
        "telemetry_quality": record["telemetry_quality"],
        "weather_source": record["run_source"],
        "weather_published_at": iso_or_none(record["run_published_at"]),
        "weather_age_s": _age_s(issued_at_ms, record["run_published_at"]),
        "weather_quality": record["weather_quality"],
        "steps": [
            {
                "valid_at": iso(step["valid_at_ms"]),
                "interval_s": step["interval_s"],
                "rung": RUNGS[step["rung"]],
                "power_kw": {f"{level:g}": value for level, value in step["power_kw"].items()},
                "available_kw": step["available_kw"],
            }
            for step in chosen(record, levels, leads_s)
        ],
    }


def chosen(
    record: Record, levels: Collection[float] | None = None, leads_s: Collection[int] | None = None
) -> list[dict[str, Any]]:
    """The steps at these lead times with these levels. Raises `InputError` for a level not published."""
    found = steps(record)
    if leads_s is not None:
        wanted_ms = [record["issued_at"] + lead_s * 1000 for lead_s in leads_s]
        found = [step for step in found if any(_in(step, at_ms) for at_ms in wanted_ms)]
    if levels is None:
        return found
    if unknown := sorted(set(levels) - set(record["levels"])):
        raise InputError(
            f"level {', '.join(f'{one:g}' for one in unknown)} is not published; there are"
            f" {', '.join(f'{one:g}' for one in record['levels'])}"
        )
    return [{**step, "power_kw": {one: step["power_kw"][one] for one in sorted(levels)}} for step in found]


def _in(step: Mapping[str, Any], at_ms: int) -> bool:
    """Whether a time lies in a step; its end belongs to it. An issue need not lie on the grid of steps."""
    behind_ms: int = step["valid_at_ms"] - at_ms
    length_ms: int = step["interval_s"] * 1000
    return 0 <= behind_ms < length_ms


def steps(record: Record) -> list[dict[str, Any]]:
    """Each step: `valid_at_ms`, `interval_s`, `rung`, `power_kw` by level, `available_kw` or None."""
    levels, power_kw = record["levels"], record["power_kw"]
    available_kw = record["available_kw"]
    return [
        {
            "valid_at_ms": valid_at_ms,
            "interval_s": interval_s,
            "rung": rung,
            "power_kw": dict(
                zip(levels, power_kw[place * len(levels) : (place + 1) * len(levels)], strict=True)
            ),
            "available_kw": available_kw[place] if available_kw else None,
        }
        for place, (valid_at_ms, interval_s, rung) in enumerate(
            zip(record["valid_at"], record["interval_s"], record["rung"], strict=True)
        )
    ]


def rows(told: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """A document as one row a step, the levels as columns named by them."""
    for step in told["steps"]:
        yield {
            "plant_id": told["plant_id"],
            "issued_at": told["issued_at"],
            "valid_at": step["valid_at"],
            "interval_s": step["interval_s"],
            "rung": step["rung"],
            **step["power_kw"],
            "available_kw": step["available_kw"],
        }


def iso(time_ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC, without a fraction where there is none."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    spec = "milliseconds" if time_ms % 1000 else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def iso_or_none(time_ms: int | None) -> str | None:
    """The same where there may be no time."""
    return None if time_ms is None else iso(time_ms)


def _age_s(issued_at_ms: int, at_ms: int | None) -> float | None:
    return None if at_ms is None else (issued_at_ms - at_ms) / 1000
