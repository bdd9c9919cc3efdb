"""What goes wrong on purpose: records that must be refused, and a block that comes twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.kafka import Outgoing, produce_all, producer
from infra.topic_reader import read, spans
from infra.topics import JOURNAL
from schemas.codec import Codec
from schemas.errors import DecodeError, GridcastError, Reason

if TYPE_CHECKING:
    from confluent_kafka import Message

    from cli.demo.plan import Sample
    from infra.settings import Settings

STRANGER = "plant-of-nobody"
_LOOK_BACK = 400


@dataclass(frozen=True)
class Injected:
    """A bad record on the journal: where it stands, its bytes, and for what it has to be refused."""

    partition: int
    offset: int
    payload: bytes
    reason: Reason
    what: str


def bad_records(settings: Settings, codec: Codec, wind: Sample, solar: Sample, hour: float) -> list[Injected]:
    """Put five bad records on the journal, as broken producers would; returns where each of them stands."""
    whole = _telemetry(codec, wind.plant_id, wind.at(hour), 1234.5)
    wrong = [
        (wind.plant_id, b"\x7fPOISON: this is no Avro at all", Reason.NOT_AVRO, "poison bytes"),
        (wind.plant_id, whole[: len(whole) // 2], Reason.TRUNCATED, "half of a record"),
        (
            wind.plant_id,
            _telemetry(codec, wind.plant_id, wind.at(hour), 10 * wind.capacity_kw),
            Reason.OUT_OF_RANGE,
            "ten times the capacity",
        ),
        (
            solar.plant_id,
            _telemetry(codec, solar.plant_id, solar.at(hour), 650 * solar.capacity_kw),
            Reason.OUT_OF_RANGE,
            "W where kW was meant",
        ),
        (STRANGER, _telemetry(codec, STRANGER, wind.at(hour), 5.0), Reason.UNKNOWN_PLANT, "an unknown plant"),
    ]
    return [
        Injected(*_produce(settings, plant_id, payload), payload, reason, what)
        for plant_id, payload, reason, what in wrong
    ]


def _telemetry(codec: Codec, plant_id: str, at_ms: int, power_kw: float) -> bytes:
    record: dict[str, Any] = {
        "plant_id": plant_id, "event_time": at_ms, "known_at": at_ms, "power_kw": power_kw,
        **dict.fromkeys(("setpoint_kw", "wind_speed_ms", "wind_direction_deg", "temperature_c")),
        **dict.fromkeys(("module_temperature_c", "poa_irradiance_w_m2", "status")),
        "units": [], "other": [],
    }  # fmt: skip
    return codec.encode("Telemetry", [record])[0]


def _produce(settings: Settings, plant_id: str, payload: bytes) -> tuple[int, int]:
    """Partition and offset that Kafka gave it."""
    client, stood = producer(settings, linger_ms=0), []

    def told(error: Any, message: Message) -> None:
        if error is not None:
            raise GridcastError(f"Kafka did not take a record: {error.str()}")
        stood.append((int(message.partition() or 0), int(message.offset() or 0)))

    client.produce(JOURNAL, key=plant_id.encode(), value=payload, on_delivery=told)
    if client.flush(30.0) or not stood:
        raise GridcastError("Kafka did not take a record in 30 s")
    return stood[0]


def repeat(settings: Settings, codec: Codec, plant_id: str, count: int, not_these: Sequence[Injected]) -> int:
    """Send the newest `count` telemetry records of a plant once more, byte for byte; returns how many."""
    starts = {p: max(span.first, span.end - _LOOK_BACK) for p, span in spans(settings, JOURNAL).items()}
    bad = {(one.partition, one.offset) for one in not_these}
    found = [
        bytes(message.value() or b"")
        for messages in read(settings, JOURNAL, starts)
        for message in messages
        if message.key() == plant_id.encode()
        and (message.partition(), message.offset()) not in bad
        and _is_telemetry(codec, message)
    ]
    block = [Outgoing(JOURNAL, plant_id.encode(), payload) for payload in found[-count:]]
    return produce_all(producer(settings), block)


def _is_telemetry(codec: Codec, message: Message) -> bool:
    try:
        return codec.decode(bytes(message.value() or b""))[0] == "Telemetry"
    except DecodeError:
        return False
