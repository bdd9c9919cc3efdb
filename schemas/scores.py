"""A block of scores as columns, and their payloads: forecasts that have met their actuals."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.codec import Codec

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

_LISTS = (
    "lead_s",
    "issued_at",
    "rung",
    "actual_kw",
    "median_kw",
    "pinball_kw",
    "low_kw",
    "high_kw",
    "inside",
)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreBlock:
    """N records, and their M entries one after another: `count` (N,) to each record.

    An entry is one lead time of one release; `release` (M,) is its place in `releases`, (model, version).
    """

    plant_id: list[str]
    valid_at: Longs
    known_at: Longs
    capacity_kw: Floats
    count: Longs
    releases: list[tuple[str, ...]]
    release: Longs
    lead_s: Longs
    issued_at: Longs
    rung: Longs
    actual_kw: Floats
    median_kw: Floats
    pinball_kw: Floats
    low_kw: Floats
    high_kw: Floats
    inside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.plant_id)


def encode_scores(codec: Codec, blocks: Iterable[ScoreBlock]) -> list[bytes]:
    """A payload for each record of the blocks, in their order."""
    batches = [_batch(block) for block in blocks]
    return codec.encode_arrow("Score", pa.concat_batches(batches)) if batches else []


def records_of(blocks: Iterable[ScoreBlock]) -> Iterator[dict[str, Any]]:
    """The records one by one, as a subscriber reads them."""
    for block in blocks:
        yield from _batch(block).to_pylist()


def _batch(block: ScoreBlock) -> pa.RecordBatch:
    offsets = pa.array(np.concatenate(([0], np.cumsum(block.count))), pa.int32())
    names = pa.array(block.release)
    models, versions = (pa.array([of[part] for of in block.releases], pa.string()) for part in (0, 1))
    entries = {name: pa.array(getattr(block, name)) for name in _LISTS}
    entries |= {"model": models.take(names), "version": versions.take(names)}
    columns: dict[str, Any] = {name: getattr(block, name) for name in ("valid_at", "known_at", "capacity_kw")}
    columns |= {name: pa.ListArray.from_arrays(offsets, values) for name, values in entries.items()}
    return pa.RecordBatch.from_pydict({"plant_id": block.plant_id, **columns})
