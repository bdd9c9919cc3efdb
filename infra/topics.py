"""Every topic, declared once: key, records, partitions, retention, compaction. All stamp `LogAppendTime`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.kafka import admin, await_admin
from schemas.errors import InputError, ServiceUnavailable

if TYPE_CHECKING:
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

_DAY_MS = 86_400_000
#: The journal's retention is a setting; this stands for it in the table below.
_AS_SET = 0


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` None: as many as the journal. `days` 0: as set for it, None: for ever."""

    name: str
    key: str
    records: tuple[str, ...]
    days: int | None = None
    compacted: bool = False
    partitions: int | None = None

    def config(self, settings: Settings) -> dict[str, str]:
        """The broker's settings for it."""
        shared = {"message.timestamp.type": "LogAppendTime"}
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
    Topic(FORECASTS, "plant_id", ("Forecast",), days=90),
    Topic(FORECASTS_LATEST, "plant_id", ("Forecast",), compacted=True),
    Topic(SCORES, "plant_id", ("Score",), days=_AS_SET),
    Topic(ANOMALIES, "plant_id", ("AnomalyEvent",), days=_AS_SET),
    Topic(DRIFT, "plant_id", ("DriftEvent",), days=_AS_SET),
    Topic(REJECTED, "plant_id", ("RejectedRecord",), days=30),
    Topic(CHECKPOINTS, "plant_id|day", ("Checkpoint", "Marker"), compacted=True),
)


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
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # not in its __all__

    client = admin(settings)
    there = _partition_counts(client.list_topics(timeout=timeout_s))
    missing = [one for one in wanted if one.name not in there]
    new = [
        NewTopic(
            one.name,
            num_partitions=one.partitions or _journal_partitions(there, settings),
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
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise ServiceUnavailable(f"topic {name} could not be made: {error.args[0].str()}") from error
    _check_partitions({**there, **_partition_counts(client.list_topics(timeout=timeout_s))}, wanted)
    return sorted(made)


def _journal_partitions(there: dict[str, int], settings: Settings) -> int:
    return there.get(JOURNAL, settings.partitions)


def _check_partitions(there: dict[str, int], wanted: tuple[Topic, ...]) -> None:
    journal = there.get(JOURNAL)
    for one in wanted:
        count = there.get(one.name)
        if one.partitions is None and journal and count and count != journal:
            raise InputError(
                f"topic {one.name} has {count} partitions and {JOURNAL} has {journal}: make them the same"
            )


def _partition_counts(metadata: object) -> dict[str, int]:
    return {name: len(found.partitions) for name, found in metadata.topics.items()}  # type: ignore[attr-defined]
