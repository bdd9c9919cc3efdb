"""A release for the bench's fleet: trained by the real training on a few made-up plants, then said of all.

What a forecast costs does not depend on how well it was trained, so four plants of six weeks are enough. Each
of the fleet's plants is served by the models of the one of its kind, under its own name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.fleet import START_MS, Fleet, Scans
from benchmarks.speed.journal import PARTITIONS, DataSet
from infra.kafka import Outgoing
from infra.topics import ARTIFACTS, JOURNAL
from models import release_file
from models.forecast.climatology import Climatology
from models.forecast.network import Network
from models.release import Release
from models.training.config import TrainConfig
from models.training.dataset import histories
from models.training.manifest import brief
from models.training.train import train
from producers.releases import chunks
from schemas.codec import Codec
from schemas.errors import ReleaseRefused
from schemas.journal import TelemetryColumns, UnitColumns
from schemas.records import PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun

F8 = NDArray[np.float64]
HOUR_MS: Final = 3_600_000
TRAINED_ON: Final = 4
TRAINED_DAYS: Final = 45
#: Published before the journal begins: the first covers the hours that a forecast looks back on.
PUBLISHED_H: Final = (-30, -6)
RUN_H: Final = 96
SOURCE: Final = "bench"
MANIFEST_BYTES: Final = 200_000


@dataclass(frozen=True)
class Released:
    """A release's record and its artifact."""

    record: ReleaseRecord
    content: bytes


def released(data: DataSet, home: Path) -> Released:
    """The release for the plants of a data set; trained where `home` holds none that can be read."""
    path = home / f"release-{data.fleet.plants}.safetensors"
    try:
        release = release_file.load(path.read_bytes())
    except (FileNotFoundError, ReleaseRefused):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(release_file.save(spread(trained(), data.fleet)))
        release = release_file.load(path.read_bytes())
    content = path.read_bytes()
    at_ms = data.fleet.start_ms - 86_400_000
    record = ReleaseRecord(
        release.name, release.version, at_ms, at_ms, ReleaseRole.CHAMPION,
        hashlib.sha256(content).hexdigest(), len(content),
        manifest=json.dumps(brief(release.manifest, MANIFEST_BYTES)),
    )  # fmt: skip
    return Released(record, content)


def trained() -> Release:
    """Both stages, by the training of `gridcast train`, in its quick form."""
    fleet = Fleet(TRAINED_ON, 0, 900, start_ms=START_MS - TRAINED_DAYS * 86_400_000)
    scans = list(fleet.scans(TRAINED_DAYS * 96))
    truth = hourly(fleet, scans)
    plants = fleet.versions(900)
    first = list(range(0, TRAINED_DAYS * 24 - 24, 12))
    runs = [run for hour in first for run in runs_of(fleet, plants, truth, hour)]
    known = histories(plants, _columns(fleet, scans), runs, START_MS)
    return train(known, TrainConfig.fast(name="bench", least_days=20, threads=1), lambda _said, _part: None)


def spread(release: Release, fleet: Fleet) -> Release:
    """The release with every plant of the fleet under the models of one that was trained on."""
    known = Fleet(TRAINED_ON).plant_ids
    of = {plant_id: known[i % TRAINED_ON] for i, plant_id in enumerate(fleet.plant_ids)}
    net = release.correction
    if not isinstance(net, Network):
        raise TypeError(f"the training has chosen {type(net).__name__} as correction, and not the net")
    place = [net.plants.index(of[plant_id]) for plant_id in of]
    widened = {
        name: np.concatenate([tensor[place], tensor[-1:]]) if name.endswith("/embedding") else tensor
        for name, tensor in net.tensors.items()
    }
    tables, manifest = release.climatology.tables, dict(release.manifest)
    manifest |= {"plants": {p: manifest["plants"][o] for p, o in of.items()}, "sites": {}}
    manifest["features"] = {}
    return replace(
        release,
        climatology=Climatology({p: tables[o] for p, o in of.items() if o in tables}),
        correction=Network(widened, tuple(of), net.members),
        weather={p: release.weather[o] for p, o in of.items()},
        reference={},
        manifest=manifest,
    )


def head(data: DataSet, codec: Codec, home: Path) -> Iterator[Outgoing]:
    """Artifact, release and weather for a journal that begins."""
    found = released(data, home)
    pieces = chunks(found.content)
    for piece, body in zip(pieces, codec.encode("ArtifactChunk", pieces), strict=True):
        yield Outgoing(ARTIFACTS, f"{piece['sha256']}/{piece['index']}".encode(), body)
    for one in journal_head(data, codec, found.record, set(data.fleet.plant_ids)):
        everywhere = range(PARTITIONS) if one.partition >= 0 else (-1,)
        yield from (Outgoing(one.topic, one.key, one.value, (), partition) for partition in everywhere)


def journal_head(
    data: DataSet, codec: Codec, record: ReleaseRecord, wanted: Collection[str]
) -> Iterator[Outgoing]:
    """The release (for partition 0) and the weather runs of the wanted plants."""
    (body,) = codec.encode("Release", [record.to_avro()])
    yield Outgoing(JOURNAL, f"{record.name}|{record.valid_from_ms}".encode(), body, partition=0)
    fleet = data.fleet
    truth = hourly(fleet, list(fleet.scans(data.scans)))
    plants = fleet.versions(900)
    for hour in PUBLISHED_H:
        runs = [run for run in runs_of(fleet, plants, truth, hour) if run.plant_id in wanted]
        for run, payload in zip(
            runs, codec.encode("WeatherRun", [run.to_avro() for run in runs]), strict=True
        ):
            yield Outgoing(JOURNAL, run.plant_id.encode(), payload)


def hourly(fleet: Fleet, scans: list[Scans]) -> dict[str, F8]:
    """What the weather was: hourly means of wind and sun, shape (hours, plants)."""
    plant = np.concatenate([one.plant for one in scans])
    hour = (np.concatenate([one.event_time_ms for one in scans]) - fleet.start_ms - 1) // HOUR_MS
    hour = np.maximum(hour, 0)
    cell = hour * fleet.plants + plant
    shape = int(hour.max()) + 1, fleet.plants
    made = {}
    for name in ("wind_speed_ms", "poa_irradiance_w_m2", "temperature_c"):
        values = np.concatenate([getattr(one, name) for one in scans])
        known = np.isfinite(values)
        sums = np.bincount(cell[known], values[known], shape[0] * shape[1])
        counts = np.bincount(cell[known], minlength=shape[0] * shape[1])
        made[name] = np.asarray(sums / np.maximum(counts, 1), np.float64).reshape(shape)
    return made


def runs_of(
    fleet: Fleet, plants: list[PlantVersion], truth: dict[str, F8], hour: int
) -> Iterator[WeatherRun]:
    """A run for each plant, published at an hour of the fleet's: the truth with an error that grows, and what
    is usual where nothing is known.
    """
    draw = np.random.default_rng((fleet.seed, 3, hour + 1000))
    hours = hour + np.arange(RUN_H)
    known = (hours >= 0) & (hours < len(truth["wind_speed_ms"]))
    rows = np.where(known, hours, hours % 24 % len(truth["wind_speed_ms"]))
    sd = np.minimum(0.6 + 0.02 * np.arange(RUN_H), 2.0)[:, None]
    wobble = sd * draw.standard_normal((RUN_H, fleet.plants))
    wind = np.round(np.maximum(truth["wind_speed_ms"][rows] + 1.5 + wobble, 0), 2)
    sun = np.round(np.maximum(truth["poa_irradiance_w_m2"][rows] * (1 + 0.15 * wobble), 0), 1)
    warmth = np.round(truth["temperature_c"][rows] + wobble, 2)
    published_ms = fleet.start_ms + hour * HOUR_MS
    valid_ms = fleet.start_ms + (hours + 1) * HOUR_MS
    direction = np.round((200 + 40 * wobble) % 360, 1)
    clouds = np.round(np.clip(40 + 20 * wobble, 0, 100), 0)
    for i, plant in enumerate(plants):
        if plant.kind == "wind":
            columns = {"wind_speed_100m_ms": wind[:, i], "wind_direction_100m_deg": direction[:, i]}
        else:
            columns = {
                "shortwave_radiation_w_m2": sun[:, i],
                "cloud_cover_pct": clouds[:, i],
            }
        columns["temperature_2m_c"] = warmth[:, i]
        yield WeatherRun(
            plant.plant_id, SOURCE, published_ms, published_ms, valid_ms, columns, journaled=True
        )


def _columns(fleet: Fleet, scans: list[Scans]) -> TelemetryColumns:
    """Scans as training takes them."""
    power_kw = np.concatenate([one.power_kw for one in scans])
    times = np.concatenate([one.event_time_ms for one in scans])
    return TelemetryColumns(
        offset=np.arange(len(times), dtype=np.int64),
        plant=np.concatenate([one.plant for one in scans]).astype(np.int32),
        plant_ids=fleet.plant_ids,
        event_time_ms=times,
        known_at_ms=times,
        is_tick=np.zeros(len(times), np.bool_),
        power_given=np.isfinite(power_kw),
        power_kw=power_kw,
        setpoint_kw=np.full(len(times), np.nan),
        wind_speed_ms=np.concatenate([one.wind_speed_ms for one in scans]),
        temperature_c=np.concatenate([one.temperature_c for one in scans]),
        poa_irradiance_w_m2=np.concatenate([one.poa_irradiance_w_m2 for one in scans]),
        units=UnitColumns.empty(),
    )
