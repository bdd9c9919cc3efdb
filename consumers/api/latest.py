"""The newest forecast of each plant, in memory: what most people ask, answered without asking anybody.

Fed from the compacted topic, so it is whole after a start and holds no second truth. Of two forecasts of a
plant the one with the later `issued_at` counts, as docs/topics.md asks of every reader.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from consumers.forecast_document import document
from infra import metrics
from schemas.errors import DecodeError, Reason

if TYPE_CHECKING:
    from confluent_kafka import Message

    from schemas.codec import Codec


class Held:
    """One forecast as its bytes; what is made of it is made when somebody asks, once."""

    __slots__ = ("_codec", "_payload", "_told", "issued_at_ms", "release")

    def __init__(self, codec: Codec, payload: bytes, issued_at_ms: int, release: tuple[str, str]) -> None:
        self._codec = codec
        self._payload = payload
        self.issued_at_ms = issued_at_ms
        self.release = release
        self._told: tuple[bytes, str] | None = None

    def record(self) -> Mapping[str, Any]:
        """The Forecast record."""
        return self._codec.decode(self._payload)[1]

    def told(self) -> tuple[bytes, str]:
        """The whole document as JSON, and its ETag."""
        if self._told is None:
            body = to_json(document(self.record()), inf_nan_mode="null")
            self._told = body, etag_of(body)
        return self._told


class Latest:
    """By plant. Written by the follower's thread alone; a reader sees the one before or the one after."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._held: dict[str, Held] = {}

    def take(self, message: Message) -> None:
        """A record of `power.forecasts.latest`. Raises `DecodeError` for what is no forecast."""
        plant_id = (message.key() or b"").decode(errors="replace")
        payload = message.value()
        if payload is None:
            self._held.pop(plant_id, None)
        else:
            # Read at once, though it is told later: what cannot be read must not hide what can.
            held = self._read(plant_id, payload)
            before = self._held.get(plant_id)
            if before is None or before.issued_at_ms <= held.issued_at_ms:
                self._held[plant_id] = held
        metrics.API_LATEST.set(len(self._held))

    def _read(self, plant_id: str, payload: bytes) -> Held:
        name, record = self._codec.decode(payload)
        if name != "Forecast":
            raise DecodeError(Reason.WRONG_TOPIC, f"{name} on a topic of forecasts")
        if record["plant_id"] != plant_id:
            raise DecodeError(Reason.KEY_MISMATCH, f"{record['plant_id']} under the key {plant_id}")
        release = str(record["model"]), str(record["version"])
        return Held(self._codec, payload, int(record["issued_at"]), release)

    def get(self, plant_id: str) -> Held | None:
        """The newest forecast of a plant, None where there is none."""
        return self._held.get(plant_id)

    def all(self) -> dict[str, Held]:
        """Those of every plant, by name."""
        held = dict(self._held)
        return {plant_id: held[plant_id] for plant_id in sorted(held)}


def etag_of(body: bytes) -> str:
    """A strong ETag: equal bytes, equal tag."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
