"""Records that nobody's folder holds: poison, corrections, late weather, plants that grow, releases."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from infra.kafka import Outgoing
from infra.topic_reader import read, spans
from infra.topics import JOURNAL, PLANTS, RELEASES, WEATHER_RUNS
from models import release_file
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.release import Release
from producers.kafka_out import KafkaOut
from producers.keys import version_key
from producers.releases import send_artifact, send_record, send_release
from schemas.codec import Codec
from schemas.errors import DecodeError, Reason
from schemas.records import ReleaseRecord, ReleaseRole

if TYPE_CHECKING:
    from infra.settings import Settings

_TAIL = 600
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Sent:
    """A record that was injected and acknowledged. `reason`: for what it is refused, None for a sound one."""

    topic: str
    payload: bytes
    reason: Reason | None


@dataclass
class Injector:
    """Sends what it is asked for and remembers it. All choices come from `chance`."""

    settings: Settings
    chance: Random
    codec: Codec = field(default_factory=Codec)
    sent: list[Sent] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _out: KafkaOut | None = None

    def poison(self) -> None:
        """One to four records that must be refused, on the journal and on public topics."""
        for _ in range(self.chance.randint(1, 4)):
            _, record = self._recent("Telemetry")
            topic, key, payload, reason = self.chance.choice(_POISON)(self.codec, record)
            self._send(topic, key, payload, reason)
        self._counted("poison")

    def correction(self) -> None:
        """A plant says another value for a time it has spoken of."""
        _, record = self._recent("Telemetry")
        better = record | {"power_kw": round((record["power_kw"] or 0.0) * 0.97, 3)}
        self._send(JOURNAL, record["plant_id"].encode(), self._encoded("Telemetry", better), None)
        self._counted("correction")

    def weather_run(self) -> bytes:
        """A run newer than the newest, for the public topic; returned as it would be sent."""
        _, record = self._recent("WeatherRun")
        later = record["published_at"] + self.chance.randint(1, 5) * _HOUR_MS // 6
        columns = [
            {**column, "values": [round(value * 1.03, 3) for value in column["values"]]}
            for column in record["columns"]
        ]
        more = {"published_at": later, "known_at": later, "journaled": False, "columns": columns}
        self._counted("weather_run")
        return self._encoded("WeatherRun", record | more)

    def send_run(self, payload: bytes) -> None:
        """Put a run on its public topic."""
        self._send(WEATHER_RUNS, self.codec.decode(payload)[1]["plant_id"].encode(), payload, None)

    def growth(self) -> None:
        """A plant gets a larger capacity, valid from its newest record on."""
        _, at = self._recent("Telemetry")
        plants = [found for name, found in self._journal_from_start() if name == "PlantVersion"]
        record = next(one for one in reversed(plants) if one["plant_id"] == at["plant_id"])
        grown = {"capacity_kw": round(record["capacity_kw"] * 1.25, 3), "known_at": at["known_at"]}
        changed = record | grown | {"valid_from": at["event_time"]}
        key = version_key(record["plant_id"], at["event_time"])
        self._send(PLANTS, key, self._encoded("PlantVersion", changed), None)
        self._counted("capacity_change")

    def release(self) -> None:
        """A release that is as it should be."""
        record, artifact = self._release("sound")
        send_release(self._door(), self.codec, record, artifact)
        self._counted("release")

    def bad_release(self) -> None:
        """A release that must be refused: bytes that are no model, a piece missing, another hash or size."""
        record, artifact = self._release("broken")
        kind = self.chance.choice(("garbage", "cut", "absent", "other_size"))
        if kind in ("garbage", "cut"):
            artifact = b"no model at all" * 999 if kind == "garbage" else artifact[:-7]
            record = replace(
                record, artifact_sha256=hashlib.sha256(artifact).hexdigest(), artifact_bytes=len(artifact)
            )
        if kind == "other_size":
            record = replace(record, artifact_bytes=len(artifact) - 1)
        if kind != "absent":
            send_artifact(self._door(), self.codec, artifact)
        send_record(self._door(), self.codec, record)
        (payload,) = self.codec.encode("Release", [record.to_avro()])
        self.sent.append(Sent(RELEASES, payload, Reason.BAD_RELEASE))
        self._counted("bad_release")

    def _release(self, name: str) -> tuple[ReleaseRecord, bytes]:
        _, at = self._recent("Telemetry")
        version = str(sum(self.counts.values()))
        artifact = release_file.save(Release(name, version, "", Climatology(), ClosedForm()))
        sha256 = hashlib.sha256(artifact).hexdigest()
        at_ms = int(at["known_at"])
        return ReleaseRecord(
            name, version, at_ms, at_ms, ReleaseRole.CHAMPION, sha256, len(artifact)
        ), artifact

    def _recent(self, wanted: str) -> tuple[str, dict[str, Any]]:
        """A record of that name from the newest of the journal."""
        tail = _TAIL
        while True:
            starts = {n: max(s.first, s.end - tail) for n, s in spans(self.settings, JOURNAL).items()}
            found = [(name, record) for name, record in self._journal(starts) if name == wanted]
            if found:
                return self.chance.choice(found)
            tail *= 4

    def _journal_from_start(self) -> list[tuple[str, dict[str, Any]]]:
        return self._journal({n: s.first for n, s in spans(self.settings, JOURNAL).items()})

    def _journal(self, starts: dict[int, int]) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for messages in read(self.settings, JOURNAL, starts):
            for one in self.codec.decode_many([message.value() for message in messages]):
                if not isinstance(one, DecodeError) and _sound(one[1]):
                    found.append(one)
        return found

    def _send(self, topic: str, key: bytes, payload: bytes, reason: Reason | None) -> None:
        self._door().send([Outgoing(topic, key, payload)])
        self.sent.append(Sent(topic, payload, reason))

    def _door(self) -> KafkaOut:
        if self._out is None:
            self._out = KafkaOut(self.settings)
        return self._out

    def _encoded(self, name: str, record: dict[str, Any]) -> bytes:
        return self.codec.encode(name, [record])[0]

    def _counted(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


Poison = Callable[[Codec, dict[str, Any]], tuple[str, bytes, bytes, Reason]]


def _sound(record: dict[str, Any]) -> bool:
    """Not one of the poison records of this run."""
    power_kw = record.get("power_kw", 0.0)
    known = "-" in record.get("plant_id", "")
    return known and (power_kw is None or (math.isfinite(power_kw) and abs(power_kw) < 1e5))


def _journal_poison(reason: Reason, spoil: Callable[[bytes], bytes]) -> Poison:
    def make(codec: Codec, record: dict[str, Any]) -> tuple[str, bytes, bytes, Reason]:
        payload = codec.encode("Telemetry", [record])[0]
        return JOURNAL, record["plant_id"].encode(), spoil(payload), reason

    return make


def _with(reason: Reason, **values: Any) -> Poison:
    def make(codec: Codec, record: dict[str, Any]) -> tuple[str, bytes, bytes, Reason]:
        changed = record | values
        key = changed["plant_id"].encode()
        return JOURNAL, key, codec.encode("Telemetry", [changed])[0], reason

    return make


def _stranger_key(codec: Codec, record: dict[str, Any]) -> tuple[str, bytes, bytes, Reason]:
    return JOURNAL, b"somebody-else", codec.encode("Telemetry", [record])[0], Reason.KEY_MISMATCH


def _on_public_topic(codec: Codec, record: dict[str, Any]) -> tuple[str, bytes, bytes, Reason]:
    payload = codec.encode("Telemetry", [record])[0]
    return WEATHER_RUNS, record["plant_id"].encode(), payload, Reason.WRONG_TOPIC


_POISON: tuple[Poison, ...] = (
    _journal_poison(Reason.NOT_AVRO, lambda _: b"{'no': 'avro'}"),
    _journal_poison(Reason.TRUNCATED, lambda payload: payload[:-5]),
    _journal_poison(Reason.TRAILING_BYTES, lambda payload: payload + b"\0\0"),
    _journal_poison(Reason.UNKNOWN_SCHEMA, lambda payload: b"\0\0\0\0\7" + payload[5:]),
    _with(Reason.OUT_OF_RANGE, power_kw=9.0e9),
    _with(Reason.NOT_FINITE, power_kw=float("nan")),
    _with(Reason.UNKNOWN_PLANT, plant_id="nobody"),
    _stranger_key,
    _on_public_topic,
)
