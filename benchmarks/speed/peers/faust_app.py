"""Faust: a model, an agent, a table with its changelog, a codec for Avro.

python -m benchmarks.speed.peers.faust_app KAFKA GROUP FOLDER
"""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterable
from datetime import datetime
from typing import Any

import fastavro
import faust
from faust.serializers import codecs

from benchmarks.speed.peers.features import HEADER_BYTES, JOURNAL, RESULT, RESULTS, TELEMETRY, start, step

KAFKA, GROUP, FOLDER = sys.argv[1:4]


class AvroCodec(codecs.Codec):
    """Avro bodies behind the header of a registry."""

    def __init__(self, schema: dict[str, Any], **_: Any) -> None:
        self.schema = fastavro.parse_schema(schema)
        super().__init__()

    def _loads(self, s: bytes) -> Any:
        return fastavro.schemaless_reader(io.BytesIO(s[HEADER_BYTES:]), self.schema, None)

    def _dumps(self, obj: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema, obj)
        return out.getvalue()

    def clone(self, *_: Any) -> AvroCodec:
        return self


codecs.register("telemetry", AvroCodec(TELEMETRY))
codecs.register("features", AvroCodec(RESULT))


class Telemetry(faust.Record, serializer="telemetry", coerce=False):
    plant_id: str
    event_time: datetime
    known_at: datetime
    power_kw: float | None = None
    setpoint_kw: float | None = None
    wind_speed_ms: float | None = None
    wind_direction_deg: float | None = None
    temperature_c: float | None = None
    module_temperature_c: float | None = None
    poa_irradiance_w_m2: float | None = None
    status: str | None = None
    units: list[Any] = []  # noqa: RUF012 - Faust's way to say a default
    other: list[Any] = []  # noqa: RUF012 - the same


class Features(faust.Record, serializer="features", include_metadata=False):
    plant_id: str
    event_time: int
    last_kw: float | None
    mean_3h_kw: float | None
    mean_6h_kw: float | None
    mean_24h_kw: float | None
    spread_24h_kw: float | None


class Window(faust.Record):
    hours: list[int]
    sums: list[float]
    counts: list[int]
    last_kw: float | None


app = faust.App(
    GROUP,
    broker=f"kafka://{KAFKA}",
    datadir=FOLDER,
    store="memory://",
    topic_partitions=12,
    broker_commit_interval=0.5,
    consumer_auto_offset_reset="earliest",
    producer_compression_type="lz4",
    web_enabled=False,
)
telemetry = app.topic(JOURNAL, key_type=bytes, value_type=Telemetry)
results = app.topic(RESULTS, key_type=bytes, value_type=Features)
windows = app.Table("windows", key_type=str, value_type=Window, default=lambda: Window(**start()))


@app.agent(telemetry)
async def features(stream: AsyncIterable[Telemetry]) -> None:
    """One record after another, as the user guide does it."""
    async for record in stream:
        window = windows[record.plant_id]
        state = window.asdict()
        made = step(state, record.asdict())
        windows[record.plant_id] = Window(**state)
        await results.send(key=record.plant_id.encode(), value=Features(**made))


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn"]
    app.main()
