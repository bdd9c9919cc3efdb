"""Examples of predictions on request."""

from __future__ import annotations

from typing import Any, Final

_PREDICTED: Final = {
    "valid_at": "2014-12-01T06:15:00Z", "interval_s": 900, "prediction_kw": 1850.0, "available_kw": None,
    "rung": "physical start",
}  # fmt: skip
_INTERVAL: Final = {
    "valid_at": "2014-12-01T06:15:00Z", "low_kw": 490.0, "high_kw": 3610.0,
    "power_kw": {"0.1": 490.0, "0.5": 1850.0, "0.9": 3610.0},
}  # fmt: skip
_METADATA: Final = {
    "source": "physical start", "plant_id": None, "kind": "wind", "latitude": 48.45, "longitude": 5.6,
    "issued_at": "2014-12-01T06:00:05Z", "model": "cold-start", "version": "0", "release_sha256": None,
    "capacity_kw": 8200.0, "levels": [0.1, 0.5, 0.9], "interval": [0.1, 0.9], "rungs": ["physical start"],
    "energy_kwh": 462.5, "stale": False, "trusted": True, "why_not": None, "telemetry_at": None,
    "telemetry_age_s": None, "telemetry_quality": None, "weather_source": "open_meteo",
    "weather_published_at": "2014-12-01T05:48:00Z", "weather_age_s": 725.0, "weather_quality": 1.0,
    "weather_cached": True, "weather_until": "2014-12-04T04:00:00Z",
}  # fmt: skip

_KEPT: Final = (
    "issued_at", "model", "version", "release_sha256", "capacity_kw", "levels", "interval", "rungs",
    "energy_kwh", "stale", "telemetry_at", "telemetry_age_s", "telemetry_quality", "weather_source",
    "weather_published_at", "weather_age_s", "weather_quality",
)  # fmt: skip
_SIDE: Final[dict[str, Any]] = {
    "predictions": [_PREDICTED],
    "confidence_intervals": [_INTERVAL],
    "metadata": {name: _METADATA[name] for name in _KEPT},
}
_DIFFERENCE: Final = {
    "energy_kwh": 231.25, "baseline_kwh": 462.5, "what_if_kwh": 693.75, "prediction_kw": [925.0],
}  # fmt: skip

_PREDICTION: Final = {
    "predictions": [_PREDICTED], "confidence_intervals": [_INTERVAL], "metadata": _METADATA,
}  # fmt: skip
_REFUSED: Final = {"status": 404, "answer": None, "problem": "there is no plant x: /v1/plants lists them"}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Predicted": _PREDICTED,
    "ConfidenceInterval": _INTERVAL,
    "PredictionMetadata": _METADATA,
    "Prediction": _PREDICTION,
    "Difference": _DIFFERENCE,
    "SideMetadata": _SIDE["metadata"],
    "Side": _SIDE,
    "WhatIf": {
        "baseline": _SIDE, "what_if": _SIDE, "difference": _DIFFERENCE,
        "assumed": ["the plant is larger or smaller throughout: what it measured is scaled with it"],
        "baseline_is_published": True,
    },
    "BulkRow": {
        "row": 1, "plant_id": None, "latitude": 48.45, "longitude": 5.6, "kind": "wind",
        "capacity_kw": 8200.0, "source": "physical start", "issued_at": "2014-12-01T06:00:05Z",
        "model": "cold-start",
        "version": "0", "weather_source": "open_meteo", "weather_published_at": "2014-12-01T05:48:00Z",
        "valid_at": "2014-12-01T06:15:00Z", "interval_s": 900, "rung": "physical start",
        "prediction_kw": 1850.0, "low_kw": 490.0, "high_kw": 3610.0, "available_kw": None, "problem": None,
    },
    "BatchResult": _REFUSED,
    "Batch": {
        "results": [{"status": 200, "answer": _PREDICTION, "problem": None}, _REFUSED],
        "answered": 1,
        "refused": 1,
    },
    "Answered": {
        "at": "2014-12-01T06:00:05Z", "request_id": "9f2c1d", "key_id": "3f2a9c01d4e5", "source": "place",
        "about": "wind 48.45,5.60", "status": 200, "milliseconds": 14.2, "why": None,
    },
}  # fmt: skip
