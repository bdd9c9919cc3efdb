"""What the journal means, computed here once more: one process, no disturbance, batches of another size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumers.digest import Contents
from consumers.identity import KINDS, Identity, identity
from infra.topic_reader import read, spans
from infra.topics import ANOMALIES, DRIFT, FORECASTS, JOURNAL, REJECTED, SCORES
from models.engine import Engine
from models.steps import EngineSettings
from schemas.codec import Codec
from schemas.errors import DecodeError
from streams.artifacts import Artifacts
from streams.records import of_messages
from streams.turns import process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.settings import Settings

OUTPUTS = (FORECASTS, ANOMALIES, SCORES, DRIFT, REJECTED)
_AT_ONCE = 1499


@dataclass
class Meaning:
    """By output topic what has to stand there; of the journal itself the payloads and the identities."""

    outputs: dict[str, Contents] = field(default_factory=lambda: {topic: Contents() for topic in OUTPUTS})
    refused: set[tuple[str, str, str]] = field(default_factory=set)
    payloads: set[bytes] = field(default_factory=set)
    inputs: set[Identity] = field(default_factory=set)
    records: int = 0


def short(payload: bytes | None) -> bytes:
    """A payload's hash, for sets of many."""
    return hashlib.sha256(payload or b"").digest()[:16]


def refusal(record: dict[str, Any]) -> tuple[str, str, str]:
    """What is compared of a refused record: plant, hash of its bytes, reason. Offsets differ between runs."""
    return record["plant_id"] or "", short(record["payload"]).hex(), record["reason"]


def meaning(settings: Settings) -> Meaning:
    """Read every partition of the journal from its beginning."""
    codec, made = Codec(), Meaning()
    artifacts = Artifacts(settings, codec)
    for number, span in spans(settings, JOURNAL).items():
        engine = Engine(EngineSettings(levels=settings.levels), artifacts.load_release)
        engine.ticker.delay_ms = int(settings.tick_delay_s * 1000)
        for messages in read(settings, JOURNAL, {number: span.first}, batch=_AT_ONCE):
            made.records += len(messages)
            _note(codec, [message.value() for message in messages], made)
            done = process(codec, [(engine, of_messages(JOURNAL, number, messages))])
            for record in done.records:
                if record.topic in made.outputs:
                    _say(codec, record.topic, record.value, made)
    return made


def _note(codec: Codec, payloads: Iterable[bytes | None], made: Meaning) -> None:
    for payload in payloads:
        made.payloads.add(short(payload))
        try:
            name, record = codec.decode(payload)
        except DecodeError:
            continue
        if name in KINDS and name != "Telemetry":
            made.inputs.add(identity(name, record))


def _say(codec: Codec, topic: str, payload: bytes | None, made: Meaning) -> None:
    name, record = codec.decode(payload)
    made.outputs[topic].add(name, record)
    if topic == REJECTED:
        made.refused.add(refusal(record))
