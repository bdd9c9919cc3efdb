"""A Forecast record as an answer to who asked for a prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from consumers.forecast_document import document
from schemas.errors import InputError

LOW, MEDIAN, HIGH = 0.1, 0.5, 0.9
_S_PER_H: Final = 3600
Record = Mapping[str, Any]


def answer(
    record: Record,
    about: Mapping[str, Any],
    hours: int | None = None,
    levels: Sequence[float] | None = None,
) -> dict[str, Any]:
    """`predictions`, `confidence_intervals` and `metadata` of a record; `about` joins the metadata.

    Args:
        hours: only steps that end by so long after the issue.
        levels: only these quantiles.

    Raises:
        InputError: a level is not published.
    """
    shown = record["levels"] if levels is None else sorted(set(levels))
    told = document(record, None if levels is None else {*shown, LOW, MEDIAN, HIGH})
    reach_ms = None if hours is None else record["issued_at"] + hours * _S_PER_H * 1000
    ends = zip(told["steps"], record["valid_at"], strict=True)
    steps = [step for step, at_ms in ends if reach_ms is None or at_ms <= reach_ms]
    return {
        "predictions": [_prediction(step) for step in steps],
        "confidence_intervals": [_interval(step, shown) for step in steps],
        "metadata": {**_about(record, told), "levels": shown, **_sums(steps), **about},
    }


def shortened(told: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The first intervals of an answer alone."""
    predictions = told["predictions"][:count]
    energy = sum(one["prediction_kw"] * one["interval_s"] / _S_PER_H for one in predictions)
    about = {"energy_kwh": round(energy, 3), "rungs": sorted({one["rung"] for one in predictions})}
    return {
        "predictions": predictions,
        "confidence_intervals": told["confidence_intervals"][:count],
        "metadata": {**told["metadata"], **about},
    }


def rows(told: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """An answer as one row a step."""
    for step, interval in zip(told["predictions"], told["confidence_intervals"], strict=True):
        yield {**step, **interval, **interval["power_kw"]}


def columns(told: Mapping[str, Any]) -> list[str]:
    """The columns of these rows."""
    levels = [f"{one:g}" for one in told["metadata"]["levels"]]
    return ["valid_at", "interval_s", "rung", "prediction_kw", "low_kw", "high_kw", *levels]


def _prediction(step: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "valid_at": step["valid_at"],
        "interval_s": step["interval_s"],
        "prediction_kw": step["power_kw"][f"{MEDIAN:g}"],
        "available_kw": step["available_kw"],
        "rung": step["rung"],
    }


def _interval(step: Mapping[str, Any], shown: Sequence[float]) -> dict[str, Any]:
    power_kw = step["power_kw"]
    return {
        "valid_at": step["valid_at"],
        "low_kw": power_kw[f"{LOW:g}"],
        "high_kw": power_kw[f"{HIGH:g}"],
        "power_kw": {f"{one:g}": power_kw[f"{one:g}"] for one in shown},
    }


def _sums(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"rungs": sorted({step["rung"] for step in steps}), "energy_kwh": energy_kwh(steps)}


def energy_kwh(steps: Iterable[Mapping[str, Any]]) -> float:
    """Energy of the medians [kWh]."""
    total: float = sum(step["power_kw"][f"{MEDIAN:g}"] * step["interval_s"] / _S_PER_H for step in steps)
    return round(total, 3)


_KEPT: Final = (
    "issued_at", "model", "version", "capacity_kw", "stale", "telemetry_at", "telemetry_age_s",
    "telemetry_quality", "weather_source", "weather_published_at", "weather_age_s", "weather_quality",
)  # fmt: skip


def _about(record: Record, told: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: told[name] for name in _KEPT}
    return {**kept, "release_sha256": record["release_sha256"] or None, "interval": [LOW, HIGH]}


def expect_levels(asked: Sequence[float] | None, published: Sequence[float]) -> None:
    """Raises `InputError` for a level that is not published."""
    if unknown := sorted(set(asked or ()) - set(published)):
        shown = ", ".join(f"{one:g}" for one in unknown)
        there = ", ".join(f"{one:g}" for one in published)
        raise InputError(f"level {shown} is not published; there are {there}")
