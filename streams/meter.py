"""A worker's numbers for Prometheus, set once a batch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Gauge

from infra import metrics
from infra.kafka import Outgoing
from models import coverage
from models.fleet import Fleet
from models.outputs import Outputs
from models.steps import LEADS_S
from schemas.forecasts import ForecastBlock
from schemas.journal import Bad
from schemas.records import ReleaseRole
from schemas.rungs import LADDER, PLACE
from streams.partition import Partition

#: By what the engine counts: the labels of `gridcast_records_total`.
OUTCOMES = {
    "records": "taken",
    "ticks": "tick",
    "late": "late",
    "repeats": "repeat",
    "corrections": "correction",
    "forgotten": "forgotten",
    "units_ignored": "units_ignored",
    "runs": "run",
    "conflicts": "conflict",
}
#: In the order of `Fleet.outlooks_of`.
ROLES = (ReleaseRole.CHAMPION, ReleaseRole.SHADOW)
FEEDS = ("telemetry", "weather")


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Observe how long one step of a batch takes."""
    started_s = time.perf_counter()
    yield
    metrics.BATCH_SECONDS.labels(step).observe(time.perf_counter() - started_s)


def show_rungs() -> None:
    """Every rung counts from 0 on, or a worker that issues nothing would not be seen to issue nothing."""
    for rung in LADDER:
        metrics.FORECASTS.labels(rung.name.lower())


def count_outputs(topic: str, outputs: Outputs) -> None:
    """What a batch led to."""
    for counted, outcome in OUTCOMES.items():
        metrics.RECORDS.labels(topic, outcome).inc(outputs.counts[counted])
    for block in outputs.forecasts:
        _count_forecasts(block)
    _show_quality(outputs.forecasts)
    for (detector, phase), count in Counter((e["detector"], e["phase"]) for e in outputs.anomalies).items():
        metrics.EVENTS.labels(detector, phase).inc(count)
    for detector, count in Counter(event["detector"] for event in outputs.drift).items():
        metrics.DRIFTS.labels(detector).inc(count)


def _count_forecasts(block: ForecastBlock) -> None:
    worst = np.array(PLACE)[block.rung].max(axis=1)
    for place, count in Counter(worst.tolist()).items():
        metrics.FORECASTS.labels(LADDER[place].name.lower()).inc(count)


def _show_quality(blocks: Iterable[ForecastBlock]) -> None:
    """The newest of each plant alone: setting a gauge costs more than the row of a forecast."""
    newest: dict[str, tuple[float, float]] = {}
    for block in blocks:
        shares = zip(block.telemetry_quality.tolist(), block.weather_quality.tolist(), strict=True)
        newest |= zip(block.plant_id, shares, strict=True)
    for plant_id, shares_now in newest.items():
        for feed, share in zip(FEEDS, shares_now, strict=True):
            metrics.QUALITY.labels(plant_id, feed).set(share)


def count_bad(topic: str, bad: Iterable[Bad]) -> None:
    """Refused records by reason."""
    for reason, count in Counter(one.reason.value for one in bad).items():
        metrics.REJECTED.labels(topic, reason).inc(count)


def count_produced(records: Iterable[Outgoing]) -> None:
    """Acknowledged records by topic."""
    for topic, count in Counter(record.topic for record in records).items():
        metrics.PRODUCED.labels(topic).inc(count)


def show_partition(topic: str, partition: Partition) -> None:
    """How far a partition has come."""
    if partition.known_at_ms >= 0:
        labels = (topic, str(partition.number))
        metrics.NEWEST_KNOWN_AT.labels(*labels).set(partition.known_at_ms / 1000)


def show_fleet(fleet: Fleet) -> None:
    """Plants held and releases in use. It looks at states: call it where the engines run."""
    metrics.RELEASE.clear()
    for slot in fleet.outlooks:
        for role, outlook in zip(ROLES, fleet.outlooks_of(slot), strict=False):
            metrics.RELEASE.labels(outlook.release.name, outlook.release.version, role.value).set(1)
    metrics.PLANTS.set(len(fleet.outlooks))


def show_coverage(fleet: Fleet, days: int, by_plant: bool) -> None:
    """How often the 80 % bands of the last days held. It looks at states: call it where the engines run."""
    every = coverage.counts(fleet, days)
    whole = every.pooled()
    _show_shares(metrics.COVERAGE, (), whole.inside[0])
    for lead_s, met in zip(LEADS_S, whole.met[0].tolist(), strict=True):
        metrics.COVERAGE_FORECASTS.labels(lead_name(lead_s)).set(met)
    metrics.PLANT_COVERAGE.clear()
    for slot, plant_id in fleet.ids.items() if by_plant else ():
        _show_shares(metrics.PLANT_COVERAGE, (plant_id,), every.inside[slot])


def _show_shares(gauge: Gauge, labels: tuple[str, ...], shares: NDArray[np.float64]) -> None:
    for lead_s, share in zip(LEADS_S, shares.tolist(), strict=True):
        if share == share:
            gauge.labels(*labels, lead_name(lead_s)).set(share)


def lead_name(lead_s: int) -> str:
    """``3600`` -> ``1h``, ``900`` -> ``15min``."""
    return f"{lead_s // 3600}h" if lead_s % 3600 == 0 else f"{lead_s // 60}min"


def show_lag(topic: str, lags: Mapping[int, int]) -> None:
    """Records behind the end, by partition; partitions that are not ours any more disappear."""
    metrics.LAG_RECORDS.clear()
    for partition, lag in lags.items():
        metrics.LAG_RECORDS.labels(topic, str(partition)).set(lag)


def forget_partition(topic: str, partition: int) -> None:
    """Drop the numbers of a partition that another worker shows from now on."""
    metrics.NEWEST_KNOWN_AT.remove(topic, str(partition))
    metrics.LAST_COMMIT.remove(str(partition))
    metrics.LAST_CHECKPOINT.remove(str(partition))


def forget_plants(partition: int, plant_ids: Iterable[str]) -> None:
    """Drop the numbers of plants that leave for another worker, and of their partition's restore."""
    metrics.RESTORE_SECONDS.remove(str(partition))
    for plant_id in plant_ids:
        for feed in FEEDS:
            metrics.QUALITY.remove(plant_id, feed)
