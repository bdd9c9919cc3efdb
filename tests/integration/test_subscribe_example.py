"""The example for services outside: the newest forecast of each plant without repeats, and alerts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from infra.topics import ALERTS, FORECASTS_LATEST
from tests import output_records as made
from tests.integration.sink_help import CODEC

ROOT = Path(__file__).parents[2]


def test_a_service_follows_forecasts_and_alerts_with_the_example_alone(settings: Settings) -> None:
    told = [made.forecast("a", 1), made.forecast("b", 1), made.forecast("a", 2), made.forecast("a", 1)]
    forecasts = [
        Outgoing(
            FORECASTS_LATEST, one["plant_id"].encode(), payload,
            (("issued_at", str(one["issued_at"]).encode()), ("id", b"any")),
        )
        for one, payload in zip(told, CODEC.encode("Forecast", told), strict=True)
    ]  # fmt: skip
    event = {"id": "1", "type": "gridcast.alert.raised.v1", "subject": "a", "data": {"message": "it stands"}}
    alert = Outgoing(ALERTS, b"a", json.dumps(event).encode())
    produce_all(producer(settings), [*forecasts, alert, alert])
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "docs/examples/subscribe.py"), settings.kafka_bootstrap,
            str(ROOT / "schemas/forecast.avsc"), "--once",
        ],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    of_a = [one for one in lines if one.get("plant") == "a"]
    assert [one["issued_at"] for one in of_a] == sorted({one["issued_at"] for one in of_a})
    assert len(of_a) == 2 and of_a[0]["p50_kw"] == 100.0 and of_a[0]["steps"] == 4
    assert sum(one.get("plant") == "b" for one in lines) == 1
    assert [one["message"] for one in lines if "alert" in one] == ["it stands"]
