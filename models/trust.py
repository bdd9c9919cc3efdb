"""Whether a plant's newest forecast can be relied on now, and if not, why: for a person, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.records import PlantVersion
from schemas.rungs import Rung

#: Below this a feed's quality (valid, on time, complete; 0-1) makes its forecast doubtful.
GOOD_QUALITY = 0.8
#: A forecast may be so many issue intervals old before it counts as missing.
_ISSUES_LATE = 2.5
#: What a source's clock may be ahead; a plant whose own clock ran ahead says nothing new until then.
_AHEAD_S = 600
_RUNGS = {
    Rung.WEATHER_ONLY: "no usable telemetry, so it rests on weather alone",
    Rung.TELEMETRY_ONLY: "no usable weather run, so it rests on telemetry alone",
    Rung.CLIMATOLOGY: "neither telemetry nor weather is usable, so it is climatology",
    Rung.PHYSICAL_START: "no release was trained on the plant or on this source of weather: physical start",
}


def doubt(forecast: Mapping[str, Any] | None, issue_every_s: int, now_ms: int) -> str | None:
    """Why the newest forecast of a plant should not be relied on at `now_ms`; None when it can be.

    Args:
        forecast: a Forecast record, None when the plant has never had one.
        issue_every_s: how often the plant issues.
    """
    if forecast is None:
        return "it has no forecast yet"
    return (
        _of_the_past(forecast, issue_every_s, now_ms) or _of_rung(forecast, now_ms) or _of_quality(forecast)
    )


def doubt_of(plant: PlantVersion, forecast: Mapping[str, Any] | None, now_ms: int) -> str | None:
    """The same of a plant of the registry, which may have no position to fetch its weather for."""
    if forecast is None and plant.latitude is None:
        return "it has no forecast yet, and no position to fetch its weather for: `gridcast plants set`"
    return doubt(forecast, plant.issue_every_s, now_ms)


def _of_the_past(forecast: Mapping[str, Any], issue_every_s: int, now_ms: int) -> str | None:
    if not forecast["valid_at"] or forecast["valid_at"][-1] < now_ms:
        return "its newest forecast lies wholly in the past"
    age_s = (now_ms - forecast["issued_at"]) // 1000
    if age_s < -_AHEAD_S:
        return f"its newest forecast was issued for {span(-age_s)} from now: check the clock of its source"
    if age_s > _ISSUES_LATE * issue_every_s:
        return f"its newest forecast is {span(age_s)} old, one is due every {span(issue_every_s)}"
    return "it was issued late, after its first time had passed" if forecast["stale"] else None


def _of_rung(forecast: Mapping[str, Any], now_ms: int) -> str | None:
    ahead = (rung for at, rung in zip(forecast["valid_at"], forecast["rung"], strict=True) if at >= now_ms)
    return _RUNGS.get(Rung(next(ahead, Rung.BOTH)))


def _of_quality(forecast: Mapping[str, Any]) -> str | None:
    for feed in ("telemetry", "weather"):
        quality = forecast[f"{feed}_quality"]
        if quality is not None and quality < GOOD_QUALITY:
            return f"the quality of its {feed} is {quality:.2f}, below {GOOD_QUALITY}"
    return None


def span(seconds: float) -> str:
    """A duration for a person: `90 s`, `15 min`, `3 h`, `2 d`."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
