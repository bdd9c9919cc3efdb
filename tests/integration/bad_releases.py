"""Releases that no worker may take up, with what is said of each."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from infra.kafka import Outgoing
from infra.topics import ARTIFACTS, RELEASES
from models import release_file, weather_file
from models.forecast.blend import Blend
from models.forecast.boosting import Boosting
from models.forecast.climatology import Climatology, Table
from models.forecast.closed_form import ClosedForm
from models.release import Release
from producers.releases import chunks
from schemas.records import ReleaseRecord, ReleaseRole
from tests.integration.workers import CODEC, START_MS

Chunks = list[dict[str, Any]]


@dataclass(frozen=True)
class BadRelease:
    """What is wrong in words, what is sent, the record, and what is said of it."""

    what: str
    pieces: Chunks
    record: ReleaseRecord
    detail: str

    @property
    def sent(self) -> list[Outgoing]:
        """The pieces of the artifact, then the record."""
        (body,) = CODEC.encode("Release", [self.record.to_avro()])
        key = f"{self.record.name}|{self.record.valid_from_ms}".encode()
        return [*sent(self.pieces), Outgoing(RELEASES, key, body)]


def sent(pieces: Chunks) -> list[Outgoing]:
    """Pieces of an artifact for their topic."""
    keys = [f"{piece['sha256']}/{piece['index']}".encode() for piece in pieces]
    bodies = CODEC.encode("ArtifactChunk", pieces)
    return [Outgoing(ARTIFACTS, key, body) for key, body in zip(keys, bodies, strict=True)]


def record_of(name: str, artifact: bytes, minute: int, **changes: Any) -> ReleaseRecord:
    """The record that belongs to an artifact."""
    at_ms = START_MS + minute * 60_000
    sha256 = hashlib.sha256(artifact).hexdigest()
    made = ReleaseRecord(name, "1", at_ms, at_ms, ReleaseRole.CHAMPION, sha256, len(artifact))
    return replace(made, **changes)


def release_of(name: str, **parts: Any) -> Release:
    """A release without models of its own; two chunks long, so that one can be missing."""
    draw = np.random.default_rng(1)
    large = {"big": {"wind_speed_100m_ms": draw.normal(size=110_000)}}
    made = Release(
        name, "1", "", Climatology(), ClosedForm(), reference=large, manifest={"plants": {"big": {}}}
    )
    return replace(made, **parts)


class RunsWhenUnpickled:
    """Writes a file when it is unpickled; nothing may ever do so."""

    def __init__(self, traces: Path) -> None:
        self.traces = traces

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.traces),)


def trees() -> str:
    """A few trees as LightGBM writes them."""
    import lightgbm

    draw = np.random.default_rng(2)
    x = draw.normal(size=(400, 2))
    data = lightgbm.Dataset(x, label=x[:, 0] * x[:, 1])
    settings = {"verbose": -1, "num_threads": 1, "num_leaves": 15}
    return str(lightgbm.train(settings, data, num_boost_round=3).model_to_string())


def deadly_trees() -> str:
    """Trees whose branches lead out of memory: LightGBM reads them and follows."""
    return re.sub(r"left_child=.*", lambda line: re.sub(r"-?\d+", "2000000000", line.group()), trees())


def bad_releases(traces: Path, plant_id: str) -> list[BadRelease]:
    """One of each kind; `traces` is where a pickle would leave its own."""
    made: list[BadRelease] = []

    def add(
        what: str,
        detail: str,
        artifact: bytes,
        bend: Callable[[Chunks], Chunks] = lambda pieces: pieces,
        **changes: Any,
    ) -> None:
        name = what.replace(" ", "-")
        record = record_of(name, artifact, 400 + len(made), **changes)
        made.append(BadRelease(what, bend(chunks(artifact)), record, detail))

    def file(what: str, **parts: Any) -> bytes:
        return release_file.save(release_of(what.replace(" ", "-"), **parts))

    add("tampered", "its bytes have another hash", file("tampered"), _with_a_bit_turned)
    add(
        "without its second chunk",
        "1 of 2 chunks are there",
        file("without its second chunk"),
        lambda p: p[:1],
    )
    add("cut short", "its bytes have another hash", file("cut short"), _with_a_short_chunk)
    add("never sent", "0 of 0 chunks are there", file("never sent"), lambda _: [])
    add("longer than told", "more than the 100 bytes told", file("longer than told"), artifact_bytes=100)
    add("too large", "it may have 1 to", file("too large"), artifact_bytes=1 << 40)
    add("of other plants", f"not trained on {plant_id}", file("of other plants"), plants=(plant_id,))
    add("of another name", "not of what the record says", file("a stranger"))
    add("with other numbers", "gives other numbers", _with_other_numbers(release_of("with-other-numbers")))
    add("with NaN", "no table of finite shares", file("with NaN", climatology=_of_nan(plant_id)))
    add(
        "deadly",
        "breaks whoever reads it",
        with_trees(deadly_trees(), plant_id),
    )
    evil = pickle.dumps(RunsWhenUnpickled(traces))
    add("a pickle", "is no release of gridcast", evil)
    add("a pickle in a container", "is no release of gridcast", _container(evil))
    return made


def _with_a_bit_turned(pieces: Chunks) -> Chunks:
    payload = bytearray(pieces[0]["payload"])
    payload[5000] ^= 1
    return [{**pieces[0], "payload": bytes(payload)}, *pieces[1:]]


def _with_a_short_chunk(pieces: Chunks) -> Chunks:
    return [*pieces[:-1], {**pieces[-1], "payload": pieces[-1]["payload"][:-10]}]


def _with_other_numbers(release: Release) -> bytes:
    """The numbers of the probe stay; those that they were computed with are others."""
    artifact, spread = release_file.save(release), release.closed_form.spread
    assert artifact.count(spread.tobytes()) == 1
    return artifact.replace(spread.tobytes(), (spread * 1.5).tobytes())


def _of_nan(plant_id: str) -> Climatology:
    return Climatology({plant_id: Table(np.full((1, 1, 13), np.nan))})


def with_trees(text: str, plant_id: str) -> bytes:
    """The file of a release whose trees are this text."""
    names = ("wind_speed_100m_ms", "hour_of_day")
    member = Boosting(names, (text,) * 13)
    weather = {plant_id: Blend((member,), (1.0,), 1.0, names[:1])}
    whole = release_file.save(release_of("deadly"))
    # The probe of broken trees cannot be computed, so it is not there: the trees are read first.
    tensors = safetensors.numpy.load(whole)
    size = int.from_bytes(whole[:8], "little")
    head = json.loads(json.loads(whole[8 : 8 + size])["__metadata__"]["gridcast"])
    head["weather"], families = weather_file.packed(weather)
    return bytes(safetensors.numpy.save(tensors | families, {"gridcast": json.dumps(head)}))


def _container(content: bytes) -> bytes:
    """Bytes as a tensor of a safetensors file that says nothing of a release."""
    return bytes(safetensors.numpy.save({"model": np.frombuffer(content, np.uint8)}, {"format": "pickle"}))
