"""What a training that is a job does more: it publishes once, however often it is begun, and ends with the
process that began it.

Its job stands in the manifest of the release, so it is sent with it: there is no moment in between.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from cli import training
from consumers import trainings
from consumers.jobs import triggered
from consumers.releases import manifest_of, of_job
from consumers.trainings import Training
from infra.ending import EXIT_CRASHED
from infra.postgres import transaction
from models.retraining import Outcome
from schemas.records import ReleaseRole

if TYPE_CHECKING:
    from cli.releasing import Releases
    from infra.settings import Settings


def end_with_parent() -> None:
    """End when standard input ends: then the process that holds the other end is gone, and somebody else will
    run the job once more.
    """

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):  # unbuffered: an interpreter that ends must find no lock held
            pass
        os._exit(EXIT_CRASHED)

    threading.Thread(target=watch, daemon=True).start()


def keys_of(settings: Settings, job_id: int) -> tuple[str, ...]:
    """The identities of the reasons that triggers had for this job."""
    with transaction(settings, "gridcast-train") as cursor:
        return triggered.keys_of(cursor, job_id)


def before(
    settings: Settings, releases: Releases, job_id: int, because: str, keys: tuple[str, ...]
) -> dict[str, Any] | None:
    """What came of this job when it was begun before; None where nothing did. A release that was sent by a
    process which ended before it could write that down is written down now.
    """
    told = trainings.of_job(settings, job_id)
    sent = of_job(releases.records, job_id)
    if told is None and sent is not None:
        outcome = Outcome.PROMOTED if sent.role is ReleaseRole.CHAMPION else Outcome.SHADOW
        reason = str(manifest_of(sent).get("verdict", {}).get("reason", ""))
        told = Training(
            sent.known_at_ms,
            training.now_ms(),
            outcome,
            because,
            keys,
            reason,
            sent.name,
            sent.version,
            job_id,
        )
        trainings.write(settings, told, {})
    if told is None:
        return None
    return {
        "name": told.name,
        "version": told.version,
        "outcome": told.outcome.value,
        "reason": told.detail,
        "published": sent is not None,
        "sha256": None if sent is None else sent.artifact_sha256,
        "plants": [] if sent is None else list(sent.plants),
        "shadows": [],
    }
