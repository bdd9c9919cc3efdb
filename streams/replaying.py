"""`gridcast replay`: from the journal topic into the topics of the replay, outside any group.

It reads `worker.checkpoints` and `plant.telemetry` and writes `power.forecasts.NAME` and
`plant.anomalies.NAME`; nothing of the live system is written or committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.kafka import produce_all, producer
from infra.topic_reader import Span, newest_records, read, spans
from infra.topics import CHECKPOINTS, JOURNAL, RELEASES, make_topics, replay_topics
from models.engine import Engine
from models.outputs import Outputs
from models.release import Release
from models.state import layout_of
from models.steps import EngineSettings
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.forecasts import ForecastBlock
from schemas.records import ReleaseRecord
from streams.artifacts import Artifacts
from streams.outputs import Destinations, outgoing
from streams.records import Records, of_messages
from streams.replay import PartitionReplay, Range
from streams.replay_poison import CarefulReplay
from streams.replay_states import Start, States
from streams.restore import STATES_AT_ONCE

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from infra.settings import Settings

Advance = Callable[[int], None]
TakeBlock = Callable[[ForecastBlock], None]


@dataclass
class Replayed:
    """What a replay has done. `from_states`: day of the state that each plant began with, by plant; `poison`:
    journal records that the engine breaks on and that were left out, as they were live, with what happens.
    """

    forecasts_topic: str
    anomalies_topic: str
    forecasts: int = 0
    anomalies: int = 0
    records_read: int = 0
    plants: set[str] = field(default_factory=set)
    from_states: dict[str, str] = field(default_factory=dict)
    poison: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Replay:
    """A replay that is ready to run; `prepare` makes one."""

    settings: Settings
    codec: Codec
    artifacts: Artifacts
    range: Range
    to: Destinations
    states: dict[int, States]
    journal: dict[int, Span]
    release: tuple[ReleaseRecord, Release] | None = None

    @property
    def records(self) -> int:
        """How many journal records will be read at most."""
        return sum(max(self.journal[n].end - self._start_of(n), 0) for n in self.states)

    def run(self, take: TakeBlock, advance: Advance) -> Replayed:
        """Issue the range again.

        Args:
            take: is given every block of forecasts beside the topic.
            advance: is told of journal records as they are read.

        Raises:
            InputError: a plant was asked for that the journal does not know.
            LogTruncated: retention was faster than the replay.
            ReleaseRefused: a release that served then is gone.
            ServiceUnavailable: Kafka does not answer; the same command may be run again.
        """
        done = Replayed(self.to.forecasts, self.to.anomalies)
        client = producer(self.settings, linger_ms=5)
        for number in sorted(self.states):
            self._partition(number, client, take, advance, done)
        strangers = set(self.range.plants or ()) - done.plants
        if strangers:
            raise InputError(f"the journal knows no plant {', '.join(sorted(strangers))}")
        return done

    def _partition(
        self, number: int, client: Producer, take: TakeBlock, advance: Advance, done: Replayed
    ) -> None:
        start = self.states[number].start(self._unknown())
        done.from_states |= {one.plant_id: one.day for one in start.states}
        replay = CarefulReplay(lambda: self._begin(start), lambda first: self._read(number, first))
        read_up_to = start.offset - 1
        for outputs in replay.run():
            for out in outputs:
                produce_all(client, outgoing(self.codec, out, self.to))
                _count(out, take, done)
            advance(max(replay.read_up_to - read_up_to, 0))
            read_up_to = max(read_up_to, replay.read_up_to)
        done.records_read += max(replay.read_up_to - start.offset + 1, 0)
        done.plants |= set(replay.part.engine.plants)
        done.poison |= {f"{JOURNAL}[{number}] {offset}": why for offset, why in replay.poison.items()}

    def _begin(self, start: Start) -> PartitionReplay:
        engine = Engine(EngineSettings(levels=self.settings.levels), self._load)
        return PartitionReplay(engine, self.codec, start, self.range, self.release)

    def _read(self, number: int, first: int) -> Iterator[Records]:
        bounds = {number: first}, {number: self.journal[number].end}
        for messages in read(self.settings, JOURNAL, *bounds, batch=self.settings.batch_records):
            yield of_messages(JOURNAL, number, messages)

    def _unknown(self) -> frozenset[str]:
        known = {plant_id for states in self.states.values() for plant_id in states.known}
        return frozenset(self.range.plants or ()) - known

    def _start_of(self, number: int) -> int:
        return self.states[number].start().offset

    def _load(self, record: ReleaseRecord) -> Release:
        return self.release[1] if self.release is not None else self.artifacts.load_release(record)


def _count(out: Outputs, take: TakeBlock, done: Replayed) -> None:
    for block in out.forecasts:
        done.forecasts += len(block)
        take(block)
    done.anomalies += len(out.anomalies)


def prepare(settings: Settings, codec: Codec, name: str, wanted: Range, release: str | None = None) -> Replay:
    """Look at what the topics hold, and make those of the replay.

    Args:
        name: of the replay, the suffix of its topics.
        release: `NAME`, `VERSION` or `NAME:VERSION` of one to serve from instead of those that served then.

    Raises:
        InputError: the name or the release is none, or the log no longer reaches back to the range.
        ReleaseRefused: the release must not be used.
        ServiceUnavailable: Kafka does not answer.
    """
    forecasts, anomalies = replay_topics(name)
    journal = spans(settings, JOURNAL)
    layout = layout_of(Engine(EngineSettings(levels=settings.levels), _never).fleet.fields)
    states = {n: States(layout, span.first, wanted.from_ms, wanted.plants) for n, span in journal.items()}
    for messages in read(settings, CHECKPOINTS, batch=STATES_AT_ONCE):
        for message in messages:
            states[int(message.partition() or 0)].add(codec, [message])
    _check_reach(wanted, states)
    artifacts = Artifacts(settings, codec)
    chosen = None
    if release is not None:
        record = find_release(settings, codec, release)
        chosen = record, artifacts.load_release(record)
    make_topics(settings, (forecasts, anomalies))
    to = Destinations(forecasts.name, None, anomalies.name, None, None, None)
    return Replay(settings, codec, artifacts, wanted, to, states, journal, chosen)


def _never(record: ReleaseRecord) -> Release:
    raise AssertionError(f"nothing is to be loaded yet: {record}")


def _check_reach(wanted: Range, states: dict[int, States]) -> None:
    lacking = {p: at for one in states.values() for p, at in one.out_of_reach().items()}
    if not lacking:
        return
    told = f"the journal no longer reaches back to {_iso(wanted.from_ms)}"
    never = sorted(plant_id for plant_id, at in lacking.items() if at is None)
    if not never:
        earliest = max(at for at in lacking.values() if at is not None)
        raise InputError(f"{told}: the earliest possible --from is {_iso(earliest)}")
    if never == [""]:
        raise InputError(f"{told}, and no worker has written a state yet: there is no possible --from")
    raise InputError(f"{told}, and {', '.join(never[:5])} cannot be replayed: name others with --plants")


def find_release(settings: Settings, codec: Codec, wanted: str) -> ReleaseRecord:
    """The newest release that is called `NAME`, `VERSION` or `NAME:VERSION`. Raises `InputError` for none."""
    found: list[ReleaseRecord] = []
    for values in newest_records(settings, codec, RELEASES, "Release").values():
        record = ReleaseRecord.from_avro(values)
        if wanted in (record.name, record.version, f"{record.name}:{record.version}"):
            found.append(record)
    if not found:
        raise InputError(f"there is no release {wanted}: see `gridcast models list`")
    return max(found, key=lambda one: one.valid_from_ms)


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
