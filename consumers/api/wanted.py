"""What a listener of live events asked for, and how it is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from consumers.api.hub import KINDS
from consumers.api.parts import Parts
from consumers.api.routes.events import event_id_of
from consumers.forecast_document import document, iso_or_none
from schemas.errors import DecodeError

if TYPE_CHECKING:
    from confluent_kafka import Message

_TIMES: Final = ("issued_at", "known_at", "event_time", "started_at")


class Wanted:
    """Of one listener. What was told of a record is kept in the hub, for the others."""

    def __init__(
        self, given: Parts, kinds: Collection[str], plant_id: str | None, levels: list[float] | None
    ) -> None:
        self._given = given
        self._kinds = kinds
        self._plant = None if plant_id is None else plant_id.encode()
        self._levels = levels

    def told(self, message: Message) -> tuple[str, str] | None:
        """Kind and data of an event; None for what was not asked for, or cannot be read."""
        kind, kept = KINDS[str(message.topic())], self._given.hub.told
        if kind not in self._kinds or (self._plant is not None and message.key() != self._plant):
            return None
        levels = None if self._levels is None or kind != "forecast" else tuple(self._levels)
        key = kind, bytes(message.value() or b""), levels  # not by its place: a topic may be made anew
        if key not in kept:
            kept[key] = self._made(kind, message)
        return kept[key]

    def _made(self, kind: str, message: Message) -> tuple[str, str] | None:
        try:
            record = self._given.codec.decode(message.value())[1]
            return kind, self._data(kind, record).decode()
        except DecodeError:
            return None

    def newest(self) -> Iterator[bytes]:
        """The newest forecasts that there are."""
        for plant_id, held in self._given.latest.all().items():
            if "forecast" in self._kinds and self._plant in (None, plant_id.encode()):
                yield self._data("forecast", held.record())

    def _data(self, kind: str, record: Mapping[str, Any]) -> bytes:
        if kind == "forecast":
            levels = self._levels and [one for one in self._levels if one in record["levels"]]
            return to_json(document(record, levels or None), inf_nan_mode="null")
        told = {name: iso_or_none(value) if name in _TIMES else value for name, value in record.items()}
        if kind == "alert":
            told = {"event_id": event_id_of(told), **told}
        return to_json(told, inf_nan_mode="null")
