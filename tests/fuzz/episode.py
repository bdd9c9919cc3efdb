"""One journal of bent records among those of other plants, through the worker's own `process` and through
the sink's reader.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

import numpy as np

from consumers.intake import OUTPUTS, TOPICS, Reader, Taken
from consumers.registry import Registry
from infra.topics import JOURNAL
from models.engine import Engine
from models.release import Release, cold_start
from models.steps import EngineSettings
from schemas.codec import Codec
from schemas.errors import DecodeError, RecordRefused, ReleaseRefused
from schemas.records import ReleaseRecord
from streams.outputs import LIVE
from streams.records import PlainRecords
from streams.turns import process
from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator, Record, key_of
from tests.fuzz.sound import Unsound, check_outputs, check_state

Item = tuple[bytes | None, bytes | None]
BATCH = 1000
#: CPU time. A record that moves a plant's clock by two days asks for 192 issues, so a batch may take a while:
#: a worker takes smaller ones then.
SLOWEST_BATCH_S = 120.0
CODEC = Codec()


@dataclass
class Found:
    """What became of the records: refused ones by reason, for the worker and the sink; `used` the others."""

    records: int = 0
    used: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    sink_reasons: Counter[str] = field(default_factory=Counter)
    sink_rows: int = 0
    forecasts: int = 0
    slowest_batch_s: float = 0.0
    memory_mb: int = 0

    def note_memory(self) -> None:
        """The most that this process has ever held."""
        self.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def load(record: ReleaseRecord) -> Release:
    """Some releases are there, with a probe that holds; the rest is refused as `Artifacts` does it."""
    if not record.artifact_sha256.startswith("ab"):
        raise ReleaseRefused("no such artifact")
    return cold_start()


def noise(seed: int, count: int) -> list[Item]:
    """Random bytes."""
    mutator = Mutator(CODEC, Random(seed))
    return [mutator.random_bytes() for _ in range(count)]


def bent(seed: int, count: int) -> list[Item]:
    """Valid journal records, bent, under the key that is right for what they have become."""
    random = Random(seed)
    mutator = Mutator(CODEC, random)
    records = corpus.journal_records(random, min(count, 600))
    payloads = corpus.encoded(CODEC, records)
    made: list[Item] = []
    for _ in range(count):
        row = random.randrange(len(records))
        payload = mutator.bent(payloads[row], payloads, records[row])
        own = corpus.key(records[row])
        # A plant that came to be by a bent id is a plant as any other: a few of them will do.
        follow = records[row][0] != "PlantVersion" or random.random() < 0.005
        made.append(((key_of(payload) if follow else None) or own, payload))
    return made


def valid(seed: int, count: int) -> list[Item]:
    """The same plants with nothing wrong: bent records must meet a state that has learnt something."""
    records = corpus.journal_records(Random(seed + 1), count)
    return [(corpus.key(r), p) for r, p in zip(records, corpus.encoded(CODEC, records), strict=True)]


def run(seed: int, items: list[Item], hours: int) -> Found:
    """Play `items` among valid records; raises `Unsound`, or whatever the engine breaks on."""
    random = Random(seed)
    first = corpus.registration()
    others = corpus.left_alone(Random(seed + 2), hours)
    alone = [(corpus.key(r), p) for r, p in zip(others, corpus.encoded(CODEC, others), strict=True)]
    head = [(corpus.key(r), p) for r, p in zip(first, corpus.encoded(CODEC, first), strict=True)]
    mixed = head + _mixed(random, items + valid(seed, len(items) // 50), alone)
    found = Found(records=len(items))
    theirs = _play(mixed, found)
    # A release is for all plants that it names, or for all there are: those count for the others too.
    left = set(alone)
    untouched = [*head, *(item for item in mixed[len(head) :] if item in left or _is_release(item[1]))]
    if theirs != _play(untouched, Found()):
        raise Unsound("other plants' forecasts have changed")
    _sink(mixed, found)
    found.note_memory()
    return found


def _play(journal: list[Item], found: Found) -> dict[tuple[str, int], bytes]:
    """The numbers that the plants which were left alone got, by plant and issue."""
    engine = Engine(EngineSettings(), load)
    theirs: dict[tuple[str, int], bytes] = {}
    for start in range(0, len(journal), BATCH):
        part = journal[start : start + BATCH]
        offsets = np.arange(start, start + len(part))
        records = PlainRecords(JOURNAL, 0, offsets, [k for k, _ in part], [p for _, p in part])
        began_s = time.process_time()
        done = process(CODEC, [(engine, records)])
        found.slowest_batch_s = max(found.slowest_batch_s, time.process_time() - began_s)
        found.forecasts += check_outputs(done.outputs)
        refused = [one.offset for one in done.bad]
        if len(set(refused)) != len(refused) or not set(refused) <= set(offsets.tolist()):
            raise Unsound("a record is refused twice, or one that never was")
        found.reasons.update(bad.reason.value for bad in done.bad)
        found.used += len(part) - len(refused)
        if sum(one.topic == LIVE.rejected for one in done.records) != len(refused):
            raise Unsound("a refused record is not among the rejected ones")
        for block in done.outputs.forecasts:
            for row, plant_id in enumerate(block.plant_id):
                if plant_id in corpus.OTHERS:
                    theirs[plant_id, int(block.issued_at_ms[row])] = block.power_kw[row].tobytes()
    check_state(engine)
    if found.slowest_batch_s > SLOWEST_BATCH_S:
        raise Unsound(f"a batch took {found.slowest_batch_s:.0f} s")
    return theirs


def _sink(journal: list[Item], found: Found) -> None:
    """The same records as the sink takes them."""
    taken = [Taken(JOURNAL, 0, offset, key, value) for offset, (key, value) in enumerate(journal)]
    _read(taken, found)


def outputs(seed: int, count: int, bend: bool) -> Found:
    """Output records, bent (or noise), through the sink's reader."""
    random = Random(seed)
    mutator = Mutator(CODEC, random)
    by_topic = {name: topic for topic, (name, _) in OUTPUTS.items()}
    records: list[Record] = corpus.output_records(random)
    payloads = corpus.encoded(CODEC, records)
    taken = []
    for offset in range(count):
        row = random.randrange(len(records))
        value = mutator.bent(payloads[row], payloads, records[row]) if bend else mutator.random_bytes()[1]
        topic = by_topic[records[row][0]] if bend or offset % 7 else random.choice(TOPICS)
        taken.append(Taken(topic, 0, offset, b"h0", value))
    found = Found(records=count)
    _read(taken, found)
    found.note_memory()
    return found


def _read(taken: list[Taken], found: Found) -> None:
    reader, registry = Reader(CODEC), Registry()

    def read(part: list[Taken]) -> None:
        nonlocal registry
        try:
            intake = reader.read(part, registry)
        except RecordRefused:
            # What no table can hold: the sink finds it by halves, as here.
            if len(part) == 1:
                found.sink_reasons["no_table_holds_it"] += 1
                return
            read(part[: len(part) // 2])
            read(part[len(part) // 2 :])
            return
        registry = intake.registry
        found.sink_rows += sum(len(rows) for rows in intake.rows)
        for (_, reason), count in intake.refused.items():
            found.sink_reasons[reason] += count

    for start in range(0, len(taken), BATCH):
        began_s = time.process_time()
        read(taken[start : start + BATCH])
        found.slowest_batch_s = max(found.slowest_batch_s, time.process_time() - began_s)


def _mixed(random: Random, one: list[Item], other: list[Item]) -> list[Item]:
    """Both journals as one, each in its order."""
    turns = [True] * len(one) + [False] * len(other)
    random.shuffle(turns)
    of: dict[bool, Iterable[Item]] = {True: iter(one), False: iter(other)}
    return [next(iter(of[turn])) for turn in turns]


def _is_release(payload: bytes | None) -> bool:
    (decoded,) = CODEC.decode_many([payload])
    return not isinstance(decoded, DecodeError) and decoded[0] == "Release"


KINDS: dict[str, Callable[[int, int], list[Item]]] = {"random": noise, "mutated": bent}
