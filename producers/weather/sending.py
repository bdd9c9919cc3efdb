"""Runs and observations onto their topics, acknowledged when the call returns."""

from __future__ import annotations

from collections.abc import Sequence

from infra import metrics
from infra.kafka import Outgoing
from infra.topics import WEATHER_RUNS
from producers.kafka_out import Out
from schemas.codec import Codec
from schemas.records import WeatherRun


def send_runs(out: Out, codec: Codec, runs: Sequence[WeatherRun]) -> None:
    """Send runs to `weather.forecasts`; workers forward them into the journals.

    Raises:
        ServiceUnavailable: Kafka did not take all of them; the same may be sent again.
    """
    payloads = codec.encode("WeatherRun", [run.to_avro() for run in runs])
    out.send(
        Outgoing(WEATHER_RUNS, run.plant_id.encode(), payload)
        for run, payload in zip(runs, payloads, strict=True)
    )
    for run in runs:
        metrics.WEATHER_COLLECTIONS.labels(run.source, "sent").inc()
        metrics.WEATHER_NEWEST_RUN.labels(run.plant_id).set(run.published_at_ms / 1000)
