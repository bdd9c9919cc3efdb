"""Batches of several partitions are decoded at once, and come out as each does alone."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from schemas.codec import Codec
from schemas.journal import JournalBatch
from streams.decoding import decode, decode_all
from streams.records import PlainRecords, Records
from tests.unit.schemas_samples import telemetry
from tests.unit.test_schemas_decode_journal import bad_payloads, said

CODEC = Codec()


def batch_of(rng: np.random.Generator, partition: int) -> Records:
    """Good records of some plants, bad ones, and gaps in the offsets; sometimes none at all."""
    cases = [case[1:] for case in bad_payloads().values()]
    for plant_id in ("a", "b", f"of {partition}"):
        made = [
            telemetry(plant_id, units=int(rng.integers(4)), power_kw=float(rng.uniform(0, 9)))
            for _ in range(4)
        ]
        cases += [(plant_id.encode(), payload) for payload in CODEC.encode("Telemetry", made)]
    chosen = [cases[at] for at in rng.permutation(len(cases))[: rng.integers(len(cases))]]
    offsets = 1000 + np.cumsum(rng.integers(1, 4, len(chosen)))
    return PlainRecords("plant.telemetry", partition, offsets, [k for k, _ in chosen], [p for _, p in chosen])


@pytest.mark.parametrize("seed", range(12))
def test_batches_of_several_partitions_come_out_as_each_does_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    work = [batch_of(rng, partition) for partition in range(rng.integers(1, 6))]
    for alone, together in zip((decode(CODEC, one) for one in work), decode_all(CODEC, work), strict=True):
        assert said(together) == said(alone)
        assert _about(together) == _about(alone)
        used = {together.telemetry.plant_ids[plant] for plant in together.telemetry.plant.tolist()}
        assert used == set(together.telemetry.plant_ids), "a partition knows of its own plants alone"


def _about(batch: JournalBatch) -> dict[str, object]:
    told = ("topic", "partition", "last_offset", "known_at_ms", "size")
    return {one.name: getattr(batch, one.name) for one in fields(batch) if one.name in told}
