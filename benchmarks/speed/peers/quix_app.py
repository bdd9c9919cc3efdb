"""Quix Streams: a streaming data frame with a stateful `apply`, its state in RocksDB with a changelog.

python -m benchmarks.speed.peers.quix_app KAFKA GROUP FOLDER
"""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application, State
from quixstreams.models.serializers.avro import AvroDeserializer, AvroSerializer

from benchmarks.speed.peers.features import HEADER_BYTES, JOURNAL, RESULT, RESULTS, TELEMETRY, start, step


class FramedAvro(AvroDeserializer):
    """Its own deserializer, behind the header of a registry."""

    def __call__(self, value: bytes, ctx: Any) -> Any:
        return super().__call__(value[HEADER_BYTES:], ctx)


def features(record: dict[str, Any], state: State) -> dict[str, Any]:
    """The rolling features of one record."""
    window = state.get("window") or start()
    made = step(window, record)
    state.set("window", window)
    return dict(made)


def main(kafka: str, group: str, folder: str) -> None:
    """Run until told to stop."""
    app = Application(
        broker_address=kafka,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_interval=0.5,
        state_dir=folder,
        producer_extra_config={"compression.type": "lz4"},
        loglevel="WARNING",
    )
    telemetry = app.topic(JOURNAL, value_deserializer=FramedAvro(TELEMETRY), key_deserializer="str")
    results = app.topic(RESULTS, value_serializer=AvroSerializer(RESULT), key_serializer="str")
    frame = app.dataframe(telemetry)
    frame = frame.apply(features, stateful=True)
    frame.to_topic(results)
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
