"""Bytewax: a data flow with its Kafka operators and a stateful map, its recovery store beside it.

python -m bytewax.run "benchmarks.speed.peers.bytewax_flow:flow('KAFKA', 'GROUP')" -r FOLDER
"""

from __future__ import annotations

import json
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.connectors.kafka.serde import PlainAvroDeserializer, PlainAvroSerializer
from bytewax.dataflow import Dataflow
from confluent_kafka import OFFSET_STORED

from benchmarks.speed.peers.features import (
    HEADER_BYTES,
    JOURNAL,
    RESULT,
    RESULTS,
    TELEMETRY,
    State,
    start,
    step,
)


class FramedAvro(PlainAvroDeserializer):
    """Its own deserializer, behind the header of a registry."""

    def __call__(self, data: bytes | None, ctx: Any = None) -> Any:
        return super().__call__(data[HEADER_BYTES:] if data else data, ctx)


def keyed(message: KafkaSourceMessage[Any, Any]) -> tuple[str, Any]:
    """Plant and record."""
    return message.value["plant_id"], message.value


def features(state: State | None, record: dict[str, Any]) -> tuple[State, Any]:
    """The rolling features of one record."""
    window = state if state is not None else start()
    return window, step(window, record)


def outgoing(pair: tuple[str, Any]) -> KafkaSinkMessage[bytes, Any]:
    """What is produced."""
    return KafkaSinkMessage(pair[0].encode(), pair[1])


def flow(kafka: str, group: str) -> Dataflow:
    """The whole data flow."""
    made = Dataflow("features")
    read = kop.input(
        "telemetry", made, brokers=[kafka], topics=[JOURNAL], starting_offset=OFFSET_STORED,
        add_config={"group.id": group},
    )  # fmt: skip
    decoded = kop.deserialize_value("decode", read.oks, FramedAvro(json.dumps(TELEMETRY)))
    by_plant = op.map("key", decoded.oks, keyed)
    found = op.stateful_map("features", by_plant, features)
    messages = op.map("message", found, outgoing)
    encoded = kop.serialize_value("encode", messages, PlainAvroSerializer(json.dumps(RESULT)))
    kop.output("results", encoded, brokers=[kafka], topic=RESULTS, add_config={"compression.type": "lz4"})
    return made
