"""One training from PostgreSQL to the release topics: what `train` and `schedule` do."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from consumers.history import read_history
from consumers.releases import champion
from infra.postgres import transaction
from infra.registry import schema_ids
from models import release_file
from models.release import cold_start
from models.training import dataset, select
from models.training.train import train
from producers.kafka_out import KafkaOut
from producers.releases import send_release
from schemas.codec import Codec
from schemas.errors import GridcastError, InputError
from schemas.records import ReleaseRecord, ReleaseRole
from streams.artifacts import Artifacts

if TYPE_CHECKING:
    from infra.settings import Settings
    from models.release import Release
    from models.training.config import TrainConfig
    from models.training.dataset import PlantHistory
    from models.training.select import Verdict

Told = Callable[[str, float], None]


def known_histories(found: Settings, until_ms: int, plants: tuple[str, ...] = ()) -> list[PlantHistory]:
    """What PostgreSQL knew before a time of these plants, of all where none is named."""
    with transaction(found, "gridcast-train") as cursor:
        history = read_history(cursor, until_ms)
    wanted = [one for one in history.plants if not plants or one.plant_id in plants]
    unknown = set(plants) - {one.plant_id for one in wanted}
    if unknown:
        raise InputError(
            f"PostgreSQL knows no plant {', '.join(sorted(unknown))}: see `gridcast plants list`"
        )
    made = dataset.histories(wanted, history.telemetry, history.runs, until_ms)
    if not made:
        raise InputError("PostgreSQL holds no telemetry to train on: is `gridcast sink` running?")
    return made


def fit(histories: list[PlantHistory], config: TrainConfig, told: Told) -> Release:
    """A release from histories; `told` hears of each stage and how far it is, 0 to 1."""
    try:
        return train(histories, config, told)
    except ModuleNotFoundError as error:
        raise GridcastError(f"training needs {error.name}: pip install 'gridcast[train]'") from error
    except ValueError as error:
        raise InputError(f"nothing could be trained: {error}") from error


def serving_release(found: Settings, codec: Codec, records: list[ReleaseRecord]) -> Release:
    """The champion's models; the built-in cold start where nothing was ever published."""
    record = champion(records)
    return cold_start() if record is None else Artifacts(found, codec).load_release(record)


def publish(
    found: Settings,
    codec: Codec,
    candidate: Release,
    verdict: Verdict,
    role: ReleaseRole,
    plants: tuple[str, ...] = (),
) -> ReleaseRecord:
    """Send a release with its scores and verdict in its manifest; workers take it up from the topic.

    `plants`: whom it shall serve, and nobody else; every plant where there are none.
    """
    scored = select.with_scores(candidate, verdict.candidate)
    scored = replace(scored, manifest={**scored.manifest, "verdict": verdict.reason})
    artifact = release_file.save(scored)
    at_ms = now_ms()
    record = ReleaseRecord(
        name=scored.name,
        version=scored.version,
        valid_from_ms=at_ms,
        known_at_ms=at_ms,
        role=role,
        plants=plants,
        artifact_sha256=hashlib.sha256(artifact).hexdigest(),
        artifact_bytes=len(artifact),
        manifest=json.dumps(scored.manifest, sort_keys=True),
    )
    send_release(KafkaOut(found), codec, record, artifact)
    return record


def deployed_codec(found: Settings) -> Codec:
    """A codec with the schema ids of this deployment."""
    return Codec(schema_ids(found))


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
