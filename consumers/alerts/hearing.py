"""Records of the two topics to signals. What cannot be read is counted; the sink keeps its bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from consumers.alerts.signals import Heard, Signal, of_drift, of_event
from infra import metrics, topics
from schemas.codec import Codec
from schemas.errors import DecodeError, Reason

#: Record and reader of each topic that the alerter subscribes to.
READERS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Any], Heard], Signal]]]] = {
    topics.ANOMALIES: ("AnomalyEvent", of_event),
    topics.DRIFT: ("DriftEvent", of_drift),
}
TOPICS: Final = tuple(READERS)
#: The longest text of a record that goes into a mail.
_LONGEST: Final = 1000
#: 9999-12-31: what lies behind it no calendar has.
_LAST_MS: Final = 253_402_214_400_000


def hear(codec: Codec, records: Sequence[Heard]) -> list[Signal]:
    """The signals of a batch, each partition in the order of its offsets.

    Raises `ServiceUnavailable` where the schema registry does not answer.
    """
    made = []
    for heard, decoded in zip(records, codec.decode_many([one.value for one in records]), strict=True):
        name, read = READERS[heard.topic]
        if isinstance(decoded, DecodeError):
            metrics.REJECTED.labels(heard.topic, decoded.reason.value).inc()
        elif decoded[0] != name:
            metrics.REJECTED.labels(heard.topic, Reason.WRONG_TOPIC.value).inc()
        elif not _possible(signal := read(decoded[1], heard)):
            metrics.REJECTED.labels(heard.topic, Reason.POISON.value).inc()
        else:
            made.append(_plain(signal))
    return made


def _possible(signal: Signal) -> bool:
    """Whether calendars and sums can hold it."""
    times = (signal.started_at_ms, signal.event_time_ms)
    return all(0 <= time_ms < _LAST_MS for time_ms in times) and math.isfinite(signal.energy_kwh)


def _plain(signal: Signal) -> Signal:
    """Texts without what neither PostgreSQL nor a header of a mail can hold; numbers that JSON has."""

    def text(value: str) -> str:
        kept = "".join(letter if letter.isprintable() else " " for letter in value)
        return kept[:_LONGEST]

    def number(value: float | None) -> float | None:
        return value if value is not None and math.isfinite(value) else None

    evidence = {text(name): value for name, value in signal.evidence.items() if math.isfinite(value)}
    return replace(
        signal,
        plant_id=text(signal.plant_id), unit_id=text(signal.unit_id), kind=text(signal.kind),
        subject=text(signal.subject), message=text(signal.message), evidence=evidence,
        expected_kw=number(signal.expected_kw), actual_kw=number(signal.actual_kw),
    )  # fmt: skip
