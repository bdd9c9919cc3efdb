"""What answers look like, for people who read OpenAPI: an example of each model, held to it by a test."""

from __future__ import annotations

from typing import Any, Final

from consumers.api.examples_of_actions import EXAMPLES as _OF_ACTIONS
from consumers.api.examples_of_predictions import EXAMPLES as _OF_PREDICTIONS

_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PLANT: Final = {
    "plant_id": "la-haute-borne", "kind": "wind", "capacity_kw": 8200.0, "latitude": 48.45, "longitude": 5.6,
    "resolution_s": 900, "issue_every_s": 900, "min_kw": -40.0, "hub_height_m": 80.0, "tilt_deg": None,
    "azimuth_deg": None, "timezone": "Europe/Paris", "valid_from": "2014-01-01T00:00:00Z",
}  # fmt: skip
_EVENT: Final = {
    "event_id": "WyJsYS1oYXV0ZS1ib3JuZSIsICIiLCAib3V0YWdlIiwgIjIwMTQtMTAtMDJUMDY6MDA6MDBaIl0",
    "plant_id": "la-haute-borne", "unit_id": "", "detector": "outage", "started_at": "2014-10-02T06:00:00Z",
    "sequence": 1, "phase": "update", "event_time": "2014-10-02T07:00:00Z", "severity": "critical",
    "expected_kw": 3100.0, "actual_kw": 0.0, "energy_kwh": 3050.0, "evidence": {"wind_speed_ms": 9.5},
    "message": "no power in 9.5 m/s",
}  # fmt: skip
_OUTLOOK_STEP: Final = {
    "valid_at": "2014-12-01T06:15:00Z", "interval_s": 900, "rung": "both", "p10_kw": 1490.0,
    "p50_kw": 1850.0, "p90_kw": 2210.0,
}  # fmt: skip
_LOSS: Final = {
    "plant_id": "la-haute-borne", "unit_id": "R80711", "cause": "outage", "events": 2, "hours": 7.5,
    "unvalued_h": 0.0, "energy_kwh": 5120.5, "eur": 320.03,
}  # fmt: skip
_RELEASE: Final = {
    "name": "fleet", "version": "3", "role": "champion", "serves": True, "forecasts_of": 12,
    "since": "2014-11-03T03:12:00Z", "plants": [], "sha256": _HASH, "bytes": 4_812_345,
}  # fmt: skip

#: By the name of the model.
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    **_OF_ACTIONS,
    **_OF_PREDICTIONS,
    "Plant": _PLANT,
    "PlantDocument": {**_PLANT, "versions": [_PLANT]},
    "Forecast": {
        "plant_id": "la-haute-borne", "issued_at": "2014-12-01T06:00:00Z", "known_at": "2014-12-01T06:00:04Z",
        "model": "fleet", "version": "3", "capacity_kw": 8200.0, "stale": False,
        "telemetry_at": "2014-12-01T06:00:00Z", "telemetry_age_s": 0.0, "telemetry_quality": 0.98,
        "weather_source": "open-meteo", "weather_published_at": "2014-12-01T00:00:00Z",
        "weather_age_s": 21600.0, "weather_quality": 1.0,
        "steps": [
            {
                "valid_at": "2014-12-01T06:15:00Z", "interval_s": 900, "rung": "both",
                "power_kw": {"0.1": 1490.0, "0.5": 1850.0, "0.9": 2210.0}, "available_kw": None,
            }
        ],
    },
    "OutlookStep": _OUTLOOK_STEP,
    "Outlook": {
        "plant_id": "la-haute-borne", "issued_at": "2014-12-01T06:00:00Z", "model": "fleet", "version": "3",
        "capacity_kw": 8200.0, "stale": False, "telemetry_at": "2014-12-01T06:00:00Z", "measured_kw": 1830.5,
        "steps": [_OUTLOOK_STEP],
    },
    "UnitScan": {
        "plant_id": "la-haute-borne", "unit_id": "R80711", "event_time": "2014-12-01T06:00:00Z",
        "power_kw": 455.2, "wind_speed_ms": 6.4,
    },
    "Alert": {
        "alert_id": "4f1c9a3b7d20e865", "kind": "outage", "plant_id": "la-haute-borne", "unit_id": "",
        "subject": "", "rule": "big outages", "state": "raised", "severity": "critical",
        "energy_kwh": 3050.0, "expected_kw": 3100.0, "actual_kw": 0.0, "message": "no power in 9.5 m/s",
        "evidence": {"wind_speed_ms": 9.5}, "started_at": "2014-10-02T06:00:00Z",
        "event_time": "2014-10-02T07:00:00Z", "raised_at": "2014-10-02T06:10:00Z", "cleared_at": None,
        "acked_at": None, "acked_by": None, "ack_note": None,
    },
    "Lag": {
        "group": "gridcast-worker", "topic": "plant.telemetry", "partition": 0, "committed": 4711,
        "end": 4730, "records": 19, "lost": 0, "seconds": 12.5,
    },
    "Issue": {
        "plant_id": "la-haute-borne", "issued_at": "2014-12-01T06:00:00Z", "model": "fleet", "version": "3",
        "known_at": "2014-12-01T06:00:04Z", "capacity_kw": 8200.0, "steps": 66,
        "until": "2014-12-03T06:00:00Z", "stale": False, "telemetry_at": "2014-12-01T06:00:00Z",
        "weather_source": "open-meteo", "weather_published_at": "2014-12-01T00:00:00Z",
        "telemetry_quality": 0.98, "weather_quality": 1.0,
    },
    "Revision": {
        "plant_id": "la-haute-borne", "valid_at": "2014-12-01T12:00:00Z", "interval_s": 900,
        "issued_at": "2014-12-01T06:00:00Z", "lead_s": 21600, "model": "fleet", "version": "3", "rung": 0,
        "p10_kw": 900.0, "p50_kw": 1600.0, "p90_kw": 2500.0, "available_kw": 1600.0,
    },
    "Actual": {
        "plant_id": "la-haute-borne", "event_time": "2014-12-01T06:00:00Z", "power_kw": 1830.5,
        "first_kw": 1830.5, "known_at": "2014-12-01T06:00:04Z", "corrected_at": None,
    },
    "Event": _EVENT,
    "EventDocument": {"event_id": _EVENT["event_id"], "records": [_EVENT]},
    "Drift": {
        "plant_id": "la-haute-borne", "detector": "page_hinkley", "subject": "error",
        "event_time": "2014-11-20T00:00:00Z", "model": "fleet", "version": "3", "statistic": 51.0,
        "p_value": None, "before": 0.05, "after": 0.12, "message": "the error has doubled",
    },
    "Loss": _LOSS,
    "Score": {
        "plant_id": "la-haute-borne", "valid_at": "2014-12-01T07:00:00Z", "lead_s": 3600, "model": "fleet",
        "version": "3", "issued_at": "2014-12-01T06:00:00Z", "rung": 0, "capacity_kw": 8200.0,
        "actual_kw": 1702.0, "median_kw": 1790.0, "pinball_kw": 38.2, "low_kw": 1300.0, "high_kw": 2300.0,
        "inside": True, "published": True,
    },
    "Coverage": {
        "plant_id": "la-haute-borne", "horizon": "1h", "lead_s": 3600, "days": 30, "coverage80": 0.79,
    },
    "Quality": {
        "plant_id": "la-haute-borne", "trusted": False,
        "why_not": "no usable weather run, so it rests on telemetry alone",
        "issued_at": "2014-12-01T06:00:00Z", "rung": "telemetry only",
        "telemetry_at": "2014-12-01T06:00:00Z", "telemetry_quality": 0.98, "weather_source": None,
        "weather_published_at": None, "weather_quality": 0.0, "coverage80_1h": 0.79,
    },
    "Performance": {
        "plant_id": "la-haute-borne", "horizon": "6h", "lead_s": 21600, "n": 2880, "nmae": 9.1,
        "nmae_persistence": 14.2, "skill": 0.359, "nmae_yesterday": 21.0, "skill_yesterday": 0.567,
        "nmae_smart": None, "skill_smart": None, "mape": 31.5, "r2": 0.71, "pinball": 3.2,
        "coverage80": 0.8, "width80": 27.5,
    },
    "Trend": {
        "plant_id": "la-haute-borne", "period": "2014-12-01T00:00:00Z", "n": 96, "nmae": 4.1, "bias": -0.6,
        "pinball": 1.5, "width80": 14.0, "coverage80": 0.81, "load": 28.4,
    },
    "ComparedDay": {
        "plant_id": "la-haute-borne", "day": "2014-12-01T00:00:00Z", "horizon": "6h", "n": 24,
        "first": 3.1, "second": 3.4,
    },
    "Release": _RELEASE,
    "ReleaseDocument": {**_RELEASE, "manifest": {"code_version": "0.1.0", "plants": {}, "scores": {}}},
    "Training": {
        "training_id": 7, "started_at": "2014-11-03T03:00:00Z", "ended_at": "2014-11-03T03:12:00Z",
        "outcome": "promoted", "because": "cron", "detail": "better on 14 held-back days", "name": "fleet",
        "version": "3",
    },
    "Request": {
        "at": "2014-12-01T06:00:09Z", "request_id": "9f2c1d", "address": "192.0.2.7",
        "key_id": "3f2a9c01d4e5", "method": "GET", "path": "/v1/plants", "status": 200, "milliseconds": 3.1,
    },
    "Action": {
        "audit_id": 3, "at": "2014-12-01T06:00:09Z", "who": "ops on the command line", "key_id": None,
        "action": "key.add", "subject": "3f2a9c01d4e5", "outcome": "done", "request_id": None,
        "address": None, "detail": {"name": "dashboard", "role": "reader"},
    },
    "ModelVersion": {
        "model": "multi_step", "release": "fleet", "version": "3", "since": "2014-11-03T03:12:00Z",
        "sha256": _HASH,
    },
}  # fmt: skip
