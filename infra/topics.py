"""Every topic, declared once: key, records, partitions, retention, compaction. All stamp `LogAppendTime`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewTopic

from infra.kafka import admin, await_admin
from schemas.errors import InputError, ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from infra.settings import Settings

JOURNAL = "plant.telemetry"
WEATHER_RUNS = "weather.forecasts"
WEATHER_OBSERVATIONS = "weather.observations"
PLANTS = "plants"
RELEASES = "model.releases"
ARTIFACTS = "model.artifacts"
FORECASTS = "power.forecasts"
FORECASTS_LATEST = "power.forecasts.latest"
SCORES = "power.scores"
ANOMALIES = "plant.anomalies"
DRIFT = "model.drift"
REJECTED = "records.rejected"
CHECKPOINTS = "worker.checkpoints"
ALERTS = "grid.alerts"
ALERTS_DEAD = "grid.alerts.dead"

_DAY_MS = 86_400_000
#: A record that holds another one with its origin, or a plant's whole state, may be larger than what a broker
#: takes by default (1 MiB); `models/validate_control.py` keeps a state under this.
LARGE_BYTES = 8 << 20
#: The journal's retention is a setting; this stands for it in the table below.
_AS_SET = 0


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` None: as many as the journal. `days` 0: as set for it, None: for ever. `large`:
    its records may be larger than a broker's default. `dense`: workers do not compress it. `told`: what the
    broker was told of a topic of others, in place of what we say.
    """

    name: str
    key: str
    records: tuple[str, ...]
    days: int | None = None
    compacted: bool = False
    partitions: int | None = None
    large: bool = False
    dense: bool = False
    told: tuple[tuple[str, str], ...] | None = None

    def config(self, settings: Settings) -> dict[str, str]:
        """The broker's settings for it."""
        if self.told is not None:
            return dict(self.told)
        shared = {"message.timestamp.type": "LogAppendTime"}
        if self.large:
            shared["max.message.bytes"] = str(LARGE_BYTES)
        if self.compacted:
            # A compactor never touches the active segment, so segments must end to be compacted at all.
            rolled = {"segment.ms": str(3_600_000), "segment.bytes": str(64 << 20)}
            return {**shared, **rolled, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.3"}
        days = settings.journal_days if self.days == _AS_SET else self.days
        retention_ms = -1 if days is None else days * _DAY_MS
        return {**shared, "cleanup.policy": "delete", "retention.ms": str(retention_ms)}


_JOURNALED = ("Telemetry", "WeatherRun", "PlantVersion", "Release", "Tick")

TOPICS: tuple[Topic, ...] = (
    Topic(JOURNAL, "plant_id", _JOURNALED, days=_AS_SET),
    Topic(WEATHER_RUNS, "plant_id", ("WeatherRun",), days=_AS_SET),
    Topic(WEATHER_OBSERVATIONS, "plant_id", ("WeatherObservation",), days=_AS_SET),
    Topic(PLANTS, "plant_id|valid_from", ("PlantVersion",), compacted=True),
    Topic(RELEASES, "name|valid_from", ("Release",), compacted=True),
    Topic(ARTIFACTS, "sha256/index", ("ArtifactChunk",), compacted=True, partitions=1),
    # 700 numbers that differ in every digit: lz4 saves a quarter of the bytes and costs more than all else of
    # producing them.
    Topic(FORECASTS, "plant_id", ("Forecast",), days=90, dense=True),
    Topic(FORECASTS_LATEST, "plant_id", ("Forecast",), compacted=True, dense=True),
    Topic(SCORES, "plant_id", ("Score",), days=_AS_SET),
    Topic(ANOMALIES, "plant_id", ("AnomalyEvent",), days=_AS_SET),
    Topic(DRIFT, "plant_id", ("DriftEvent",), days=_AS_SET),
    Topic(REJECTED, "plant_id", ("RejectedRecord",), days=30, large=True),
    Topic(CHECKPOINTS, "plant_id|day", ("Checkpoint", "Marker"), compacted=True, large=True),
    # For those outside: CloudEvents in JSON, no Avro.
    Topic(ALERTS, "plant_id", ("CloudEvent",), days=_AS_SET),
    Topic(ALERTS_DEAD, "plant_id", ("CloudEvent",), days=_AS_SET),
)
DENSE = frozenset(declared.name for declared in TOPICS if declared.dense)


def topic(name: str) -> Topic:
    """The declaration of `name`; raises `InputError` when there is none."""
    for declared in TOPICS:
        if declared.name == name:
            return declared
    raise InputError(f"there is no topic {name!r}; the topics are {', '.join(t.name for t in TOPICS)}")


def replay_topics(name: str) -> tuple[Topic, Topic]:
    """The two topics that the replay `name` writes: forecasts and anomalies, apart from the live ones."""
    if not name or not all(letter.isalnum() or letter in "-_" for letter in name) or name == "latest":
        raise InputError(f"a replay's name is letters, digits, - and _, and not 'latest': {name!r} is not")
    return (
        Topic(f"{FORECASTS}.{name}", "plant_id", ("Forecast",), days=90),
        Topic(f"{ANOMALIES}.{name}", "plant_id", ("AnomalyEvent",), days=90),
    )


def make_topics(settings: Settings, wanted: tuple[Topic, ...] = TOPICS, timeout_s: float = 30.0) -> list[str]:
    """Make the topics that are not there yet; returns their names.

    A topic that is there stays as it is, except that one with another number of partitions than the journal
    is refused: its keys would fall on other partitions than their state.
    """
    client = admin(settings)
    try:
        there = _partition_counts(client, timeout_s)
        _check_partitions(there, wanted)
        made = _make(client, [one for one in wanted if one.name not in there], there, settings, timeout_s)
        _await_visible(client, made, timeout_s)
        return made
    except KafkaException as error:
        raise ServiceUnavailable(f"topics could not be made: {error.args[0].str()}") from error


def _make(
    client: AdminClient, missing: list[Topic], there: dict[str, int], settings: Settings, timeout_s: float
) -> list[str]:
    new = [
        NewTopic(
            one.name,
            num_partitions=one.partitions or there.get(JOURNAL, settings.partitions),
            replication_factor=settings.replication,
            config=one.config(settings),
        )
        for one in missing
    ]
    made = []
    for name, future in (client.create_topics(new, request_timeout=timeout_s) if new else {}).items():
        try:
            await_admin(future, f"make topic {name}", timeout_s)
            made.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody was faster
                raise
    return sorted(made)


def _await_visible(client: AdminClient, names: list[str], timeout_s: float) -> None:
    """A broker answers for a moment as if a new topic were not there; a reader would give up on it."""
    deadline = time.monotonic() + timeout_s
    while missing := set(names) - set(_partition_counts(client, timeout_s)):
        if time.monotonic() > deadline:
            raise ServiceUnavailable(f"Kafka made {', '.join(sorted(missing))} and does not show them")
        time.sleep(0.05)


def expect_same_partitions(settings: Settings, timeout_s: float = 30.0) -> None:
    """Refuse a deployment with a topic that has another number of partitions than the journal: a plant's
    journal, its states and what is forwarded to it must have one number.

    Raises `InputError`, and `ServiceUnavailable` when Kafka does not answer.
    """
    try:
        _check_partitions(_partition_counts(admin(settings), timeout_s), TOPICS)
    except KafkaException as error:
        raise ServiceUnavailable(f"Kafka does not say what topics it has: {error.args[0].str()}") from error


def _check_partitions(there: dict[str, int], wanted: tuple[Topic, ...]) -> None:
    journal = there.get(JOURNAL)
    for one in wanted:
        count = there.get(one.name)
        if one.partitions is None and journal and count and count != journal:
            raise InputError(
                f"topic {one.name} has {count} partitions and {JOURNAL} has {journal}: make them the same;"
                " the number of a journal with records must never change, for its plants' keys would move"
            )


def _partition_counts(client: AdminClient, timeout_s: float) -> dict[str, int]:
    found = client.list_topics(timeout=timeout_s).topics
    return {name: len(topic.partitions) for name, topic in found.items()}
