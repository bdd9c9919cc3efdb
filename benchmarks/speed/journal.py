"""A loaded Kafka: a broker for each data set, whose journal is written once and read by every run.

What a run leaves behind (outputs, checkpoints) is deleted before the next one, which reads as a new group
from the end of the journal's head on: the registry, a first scan of each plant, and for the whole job a
release and weather runs.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from benchmarks.speed.fleet import Fleet, Scans
from infra import local
from infra.kafka import Outgoing, admin, await_admin, consumer, produce_all, producer
from infra.settings import Settings, isolated
from infra.topic_reader import spans
from infra.topics import ARTIFACTS, JOURNAL, TOPICS, make_topics
from schemas.codec import Codec

PARTITIONS: Final = 12
COMMIT_EVERY_S: Final = 0.5
NOTE: Final = "loaded.json"
_WAIT_S: Final = 60.0
_FORMAT: Final = 2  # of what is loaded; another one makes it be loaded again


@dataclass(frozen=True)
class DataSet:
    """What stands in a journal. `two_stage`: a trained release and weather stand in its head."""

    name: str
    fleet: Fleet
    scans: int
    issue_every_s: int
    two_stage: bool = False

    @property
    def described(self) -> dict[str, Any]:
        """All that decides what is loaded."""
        return {**asdict(self), "format": _FORMAT}


@dataclass
class Loaded:
    """A journal that is there: settings of its broker, where its head ends, where it ends."""

    data: DataSet
    settings: Settings
    broker_pid: int
    heads: dict[int, int]
    ends: dict[int, int]
    groups: int = field(default=0)

    @property
    def begins(self) -> dict[tuple[str, int], int]:
        """Where a new group begins, by topic and partition."""
        return {(JOURNAL, partition): offset for partition, offset in self.heads.items()}

    @property
    def records(self) -> int:
        """Telemetry behind the head."""
        return sum(self.ends.values()) - sum(self.heads.values())

    def spoil(self) -> None:
        """A run will append to the journal: the next one loads it anew."""
        (self.settings.home / NOTE).unlink(missing_ok=True)

    def fresh(self, **overrides: Any) -> Settings:
        """Settings of a new group that has read the head and nothing else; outputs of before are gone."""
        made = self.settings.model_copy(update={"worker_group": f"bench-{uuid.uuid4().hex[:8]}", **overrides})
        empty(made)
        begin_at(made, self.heads)
        return made


@contextmanager
def loaded(data: DataSet, home: Path, say: Any = print) -> Iterator[Loaded]:
    """The broker of a data set under `home`, started, loaded where it is not yet, and stopped in the end."""
    own = home / data.name
    note = own / NOTE
    (server,) = local.up(own, ("kafka",))
    try:
        settings = isolated(own, partitions=PARTITIONS, kafka=server.address, commit_every_s=COMMIT_EVERY_S)
        known = json.loads(note.read_text()) if note.exists() else {}
        if json.dumps(known.get("data"), sort_keys=True) != json.dumps(data.described, sort_keys=True):
            known = _load(data, settings, say)
            note.write_text(json.dumps(known, indent=1))
        heads, ends = ({int(p): at for p, at in known[name].items()} for name in ("heads", "ends"))
        yield Loaded(data, settings, server.running.pid, heads, ends)
    finally:
        local.down(own)


def _load(data: DataSet, settings: Settings, say: Any) -> dict[str, Any]:
    began_s = time.monotonic()
    delete(settings, {topic.name for topic in TOPICS})
    make_topics(settings)
    codec, client = Codec(), producer(settings)
    _head(data, settings, codec, client)
    scans = data.fleet.scans(data.scans)
    send(client, data.fleet, codec, next(scans))
    heads = {p: span.end for p, span in spans(settings, JOURNAL).items()}
    count = sum(send(client, data.fleet, codec, block) for block in scans)
    ends = {p: span.end for p, span in spans(settings, JOURNAL).items()}
    say(f"{data.name}: {count:,} records loaded in {time.monotonic() - began_s:.0f} s")
    return {"data": data.described, "heads": heads, "ends": ends}


def send(client: Any, fleet: Fleet, codec: Codec, block: Scans) -> int:
    """A block of scans to the journal; returns how many records were acknowledged."""
    payloads = codec.encode_arrow("Telemetry", block.to_arrow(fleet.plant_ids))
    keys = [plant_id.encode() for plant_id in fleet.plant_ids]
    pairs = zip(block.plant.tolist(), payloads, strict=True)
    return produce_all(client, (Outgoing(JOURNAL, keys[plant], body) for plant, body in pairs))


def _head(data: DataSet, settings: Settings, codec: Codec, client: Any) -> None:
    versions = data.fleet.versions(data.issue_every_s)
    payloads = codec.encode("PlantVersion", [version.to_avro() for version in versions])
    produce_all(
        client,
        [Outgoing(JOURNAL, v.plant_id.encode(), body) for v, body in zip(versions, payloads, strict=True)],
    )
    if data.two_stage:
        from benchmarks.speed.release import head

        produce_all(client, head(data, codec, settings.home.parent))


def empty(settings: Settings) -> None:
    """Delete what runs have written; the journal and the artifacts stay."""
    delete(settings, {topic.name for topic in TOPICS} - {JOURNAL, ARTIFACTS})
    make_topics(settings)


def delete(settings: Settings, names: set[str]) -> None:
    """Delete the topics of these names that are there, and wait until they are gone."""
    client = admin(settings)
    there = sorted(names & set(client.list_topics(timeout=_WAIT_S).topics))
    for name, future in (client.delete_topics(there) if there else {}).items():
        await_admin(future, f"delete {name}", _WAIT_S)
    deadline_s = time.monotonic() + _WAIT_S
    while set(there) & set(client.list_topics(timeout=_WAIT_S).topics):
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"Kafka does not let go of {', '.join(there)}")
        time.sleep(0.05)


def begin_at(settings: Settings, offsets: dict[int, int], group: str | None = None) -> None:
    """Commit where a group begins to read the journal."""
    client = consumer(settings, group or settings.worker_group)
    try:
        places = [TopicPartition(JOURNAL, partition, offset) for partition, offset in offsets.items()]
        deadline_s = time.monotonic() + _WAIT_S
        while True:
            try:
                client.commit(offsets=places, asynchronous=False)
                return
            except KafkaException:  # the group's coordinator is not there yet
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.2)
    finally:
        client.close()
