"""What a batch led to, as records for the topics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infra import topics
from infra.kafka import Outgoing
from models.outputs import Outputs
from schemas.codec import Codec
from schemas.forecasts import ForecastBlock, encode_forecasts, forecast_ids, merged
from schemas.journal import Bad
from schemas.scores import ScoreBlock, encode_scores
from streams.records import Records


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where outputs go; None: nowhere. A replay writes forecasts and anomalies to topics of its own."""

    forecasts: str = topics.FORECASTS
    latest: str | None = topics.FORECASTS_LATEST
    anomalies: str = topics.ANOMALIES
    scores: str | None = topics.SCORES
    drift: str | None = topics.DRIFT
    rejected: str | None = topics.REJECTED


LIVE = Destinations()


def outgoing(codec: Codec, outputs: Outputs, to: Destinations) -> list[Outgoing]:
    """Every record that some batches lead to; but for rejected ones, which need their origin (`rejects`)."""
    made = _forecasts(codec, merged(outputs.forecasts), to)
    made += _keyed(codec, "AnomalyEvent", outputs.anomalies, to.anomalies)
    made += _scores(codec, outputs.scores, to.scores)
    return made + _keyed(codec, "DriftEvent", outputs.drift, to.drift)


def _forecasts(codec: Codec, blocks: Iterable[ForecastBlock], to: Destinations) -> list[Outgoing]:
    made: list[Outgoing] = []
    newest: dict[str, tuple[int, Outgoing]] = {}
    for block in blocks:
        payloads = encode_forecasts(codec, block)
        headers = _headers(block)
        for row, plant_id in enumerate(block.plant_id):
            record = Outgoing(to.forecasts, plant_id.encode(), payloads[row], headers[row])
            made.append(record)
            issued_at_ms = int(block.issued_at_ms[row])
            if plant_id not in newest or issued_at_ms >= newest[plant_id][0]:
                newest[plant_id] = (issued_at_ms, record)
    if to.latest is not None:
        made += [Outgoing(to.latest, r.key, r.value, r.headers) for _, r in newest.values()]
    return made


def _headers(block: ForecastBlock) -> list[tuple[tuple[str, bytes], ...]]:
    """`id`, `issued_at` (ms), `rung` (of the first step) and `stale`: to filter without decoding."""
    return [
        (
            ("id", identity.encode()),
            ("issued_at", str(issued_at_ms).encode()),
            ("rung", str(rung).encode()),
            ("stale", b"1" if stale else b"0"),
        )
        for identity, issued_at_ms, rung, stale in zip(
            forecast_ids(block),
            block.issued_at_ms.tolist(),
            block.rung[:, 0].tolist(),
            block.stale.tolist(),
            strict=True,
        )
    ]


def _scores(codec: Codec, blocks: Sequence[ScoreBlock], topic: str | None) -> list[Outgoing]:
    if topic is None:
        return []
    keys = [plant_id.encode() for block in blocks for plant_id in block.plant_id]
    payloads = encode_scores(codec, blocks)
    return [Outgoing(topic, key, payload) for key, payload in zip(keys, payloads, strict=True)]


def _keyed(codec: Codec, name: str, records: list[dict[str, Any]], topic: str | None) -> list[Outgoing]:
    if topic is None or not records:
        return []
    payloads = codec.encode(name, records)
    return [
        Outgoing(topic, record["plant_id"].encode(), payload)
        for record, payload in zip(records, payloads, strict=True)
    ]


def rejects(codec: Codec, records: Records, bad: Sequence[Bad], topic: str | None) -> list[Outgoing]:
    """Refused records with their origin, their bytes and the reason."""
    if topic is None or not bad:
        return []
    rows = np.searchsorted(records.offsets, [one.offset for one in bad]).tolist()
    keys, payloads = records.keys, records.payloads
    made = [_reject(records, one, keys[row], payloads[row]) for one, row in zip(bad, rows, strict=True)]
    return [
        Outgoing(topic, one.plant_id.encode() if one.plant_id else keys[row], payload)
        for one, row, payload in zip(bad, rows, codec.encode("RejectedRecord", made), strict=True)
    ]


def _reject(records: Records, bad: Bad, key: bytes | None, payload: bytes | None) -> dict[str, Any]:
    return {
        "topic": records.topic,
        "partition": records.partition,
        "offset": bad.offset,
        "key": key,
        "payload": payload or b"",
        "reason": bad.reason.value,
        # Text with a NUL has no place in PostgreSQL, and what is refused must be seen there.
        "detail": bad.detail.replace("\0", "?"),
        "plant_id": bad.plant_id and bad.plant_id.replace("\0", "?"),
        "schema_id": bad.schema_id,
    }
