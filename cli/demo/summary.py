"""What the demo writes down: `summary.json`, with the keys that others script against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.demo.counting import Counted
from cli.demo.latency import Latency, latency
from cli.demo.plan import Plan
from consumers.stored_scores import HorizonScore, by_horizon, read_scores
from infra.postgres import transaction
from infra.topics import ANOMALIES, DRIFT, FORECASTS, REJECTED

if TYPE_CHECKING:
    from infra.settings import Settings

Scores = Mapping[str, Sequence[HorizonScore]]


def scores(settings: Settings, plan: Plan) -> dict[str, list[HorizonScore]]:
    """Of the streamed days alone, from PostgreSQL, by plant and lead time."""
    with transaction(settings, "gridcast-demo") as cursor:
        return {
            one.plant_id: read_scores(cursor, one.plant_id, one.stream_from_ms, one.at(plan.stream_h))
            for one in plan.samples
        }


def measured(plan: Plan, counted: Counted, killed_ms: int | None) -> Latency:
    """How long forecasts took, over the paced stream."""
    spans = {one.plant_id: (one.stream_from_ms, one.at(plan.stream_h)) for one in plan.samples}
    return latency(counted.forecasts.appended_ms, counted.journal.clocks, spans, killed_ms)


def document(
    seconds: float,
    versions: tuple[str, str],
    counted: Counted,
    lag_records: int,
    took: Latency,
    found: Scores,
) -> dict[str, Any]:
    """The whole summary."""
    kafka, postgres = versions
    newest = max(counted.forecasts.appended_ms, key=lambda key: counted.forecasts.appended_ms[key])
    name, version = counted.forecasts.releases[newest]
    return {
        "seconds": round(seconds, 1),
        "kafka": kafka,
        "postgres": postgres,
        "plants": len(counted.forecasts.contents.plants),
        "records_in": counted.journal.records,
        "records_rejected": counted.identities(REJECTED),
        "forecasts": counted.identities(FORECASTS),
        "anomalies": counted.identities(ANOMALIES),
        "drift_events": counted.identities(DRIFT),
        "lag_records": lag_records,
        "rows": dict(counted.rows),
        "release": {"name": name, "version": version},
        "latency_ms": {"p50": took.p50_ms, "p99": took.p99_ms},
        "scores": {plant_id: by_horizon(list(told)) for plant_id, told in found.items()},
    }
