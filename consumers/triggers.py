"""What PostgreSQL says about training again: drift of champions, plants that no release knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from consumers.releases import champion, known_plants
from models.retraining import Reason

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from schemas.records import ReleaseRecord


def plant_ids(cursor: cursor) -> list[str]:
    """Every plant of the registry."""
    cursor.execute("select distinct plant_id from plants order by plant_id")
    return [plant_id for (plant_id,) in cursor.fetchall()]


def drift_reasons(cursor: cursor, records: list[ReleaseRecord], plants: Sequence[str]) -> list[Reason]:
    """The newest drift event of each detector and subject of a plant, under the release that serves it; those
    under another one have had their training.
    """
    serving = {plant_id: champion(records, plant_id) for plant_id in plants}
    cursor.execute(
        "select distinct on (plant_id, detector, subject, model, version)"
        " plant_id, detector, subject, (extract(epoch from event_time) * 1000)::bigint, message,"
        " model, version from drift_events"
        " where (model, version) in (select * from unnest(%s::text[], %s::text[]))"
        " order by plant_id, detector, subject, model, version, event_time desc",
        _names([record for record in serving.values() if record is not None]),
    )
    found = []
    for plant_id, detector, subject, event_ms, message, model, version in cursor.fetchall():
        serves = serving.get(plant_id)
        if serves is not None and (serves.name, serves.version) == (model, version):
            key = f"drift:{plant_id}:{detector}:{subject}:{event_ms}"
            found.append(Reason("drift", key, f"drift of {plant_id} ({subject}): {message}"))
    return found


def new_plant_reasons(
    cursor: cursor, records: list[ReleaseRecord], plants: Sequence[str], least_days: int
) -> list[Reason]:
    """Plants with so many days of telemetry that nothing which serves them was trained on.

    Where nothing was trained at all the first release is for every plant, else for the new ones alone.
    """
    known = known_plants(records)
    unknown = [plant_id for plant_id in plants if plant_id not in known]
    cursor.execute(
        "select plant_id, count(distinct date_trunc('day', event_time)) from telemetry"
        " where plant_id = any(%s) group by plant_id order by plant_id",
        (unknown,),
    )
    first = not known
    return [
        Reason(
            "new_plant",
            f"new_plant:{plant_id}",
            f"no release was trained on {plant_id} ({days} days of telemetry)",
            () if first else (plant_id,),
        )
        for plant_id, days in cursor.fetchall()
        if days >= least_days
    ]


def _names(records: Sequence[ReleaseRecord]) -> tuple[list[str], list[str]]:
    return [record.name for record in records], [record.version for record in records]
