"""Whatever stands in a journal: nothing stops, nothing unsound comes out, and no other plant is touched."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from consumers.intake import Reader, Taken
from consumers.registry import Registry
from infra.topics import JOURNAL
from models.engine import Engine
from models.steps import EngineSettings
from schemas.errors import DecodeError, RecordRefused
from streams.records import PlainRecords
from streams.turns import Processed, process
from tests.forecast_world import small_release
from tests.journals import plant, scan
from tests.stream.hostile import Hostile
from tests.stream.live_run import CODEC, payload

Journal = list[tuple[bytes, bytes]]
OTHER: Journal = [payload(plant("z")), *(payload(scan("z", m, 400.0 + m / 10)) for m in range(0, 1440, 15))]


def mixed(hostile: Journal, rng: np.random.Generator) -> Journal:
    """The other plant's records among the hostile ones, each in its order."""
    mine = rng.permutation(np.repeat([True, False], [len(hostile), len(OTHER)]))
    of = {True: iter(hostile), False: iter(OTHER)}
    return [next(of[bool(one)]) for one in mine]


def play(journal: Journal, size: int) -> tuple[Engine, list[Processed]]:
    engine = Engine(EngineSettings(), lambda _record: small_release())
    done = []
    for first in range(0, len(journal), size):
        part = journal[first : first + size]
        offsets = np.arange(first, first + len(part))
        records = PlainRecords(JOURNAL, 0, offsets, [k for k, _ in part], [p for _, p in part])
        done.append(process(CODEC, [(engine, records)]))
    return engine, done


def refused(done: list[Processed]) -> list[tuple[int, str, str]]:
    return [(bad.offset, bad.reason.value, bad.detail) for one in done for bad in one.bad]


def issued(done: list[Processed]) -> dict[tuple[str, int], bytes]:
    blocks = [block for one in done for block in one.outputs.forecasts]
    return {
        (plant_id, int(block.issued_at_ms[row])): block.power_kw[row].tobytes()
        for block in blocks
        for row, plant_id in enumerate(block.plant_id)
    }


def expect_sound(done: list[Processed]) -> None:
    for block in (block for one in done for block in one.outputs.forecasts):
        assert np.isfinite(block.power_kw).all()
        assert (np.diff(block.power_kw, axis=2) >= 0).all()
        assert (block.power_kw <= block.capacity_kw[:, None, None]).all()


def expect_the_sink_to_refuse_the_same(journal: Journal, found: list[tuple[int, str, str]]) -> None:
    """The same records for the same reasons. It keeps no ticks, and loads no releases."""
    reader, registry, counts = Reader(CODEC), Registry(), Counter[str]()
    for offset, (key, value) in enumerate(journal):
        try:
            intake = reader.read([Taken(JOURNAL, 0, offset, key, value)], registry)
        except RecordRefused:  # read, and no table can hold it
            continue
        registry = intake.registry
        counts.update({reason: count for (_, reason), count in intake.refused.items()})
    assert counts == Counter(reason for offset, reason, _ in found if not is_tick(journal[offset][1]))


def is_tick(value: bytes) -> bool:
    (decoded,) = CODEC.decode_many([value])
    return not isinstance(decoded, DecodeError) and decoded[0] == "Tick"


@pytest.mark.parametrize("seed", range(6))
def test_any_readable_values_are_refused_or_used_and_nothing_stops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    journal = mixed(Hostile(seed).journal(120), rng)
    engine, whole = play(journal, len(journal))
    _, cut = play(journal, int(rng.integers(1, 40)))
    assert refused(whole) == refused(cut)
    assert issued(whole) == issued(cut)
    expect_sound(whole)
    expect_the_sink_to_refuse_the_same(journal, refused(whole))
    other = {key for key in issued(whole) if key[0] == "z"}
    assert other == set(issued(play(OTHER, 50)[1]))
    for plant_id in engine.plants:
        restored = Engine(EngineSettings(), lambda _record: small_release())
        restored.serving.restore(engine.serving.to_json())
        restored.restore(engine.snapshot(plant_id))


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_are_refused_or_used_and_nothing_stops(seed: int) -> None:
    hostile = Hostile(seed)
    bent = [(key, hostile.mutated(value)) for key, value in [*hostile.journal(60), *OTHER]]
    _, done = play(mixed(bent, hostile.rng), 40)
    expect_sound(done)
    other = {key for key in issued(done) if key[0] == "z"}
    assert other >= set(issued(play(OTHER, 50)[1]))
    assert len(refused(done)) > len(bent) // 4
