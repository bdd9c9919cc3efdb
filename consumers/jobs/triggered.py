"""Trainings that triggers ask for: one to come at a time, with the identities of its reasons as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from consumers.jobs import queue, store
from consumers.jobs.names import TRAIN
from consumers.jobs.queue import Asker
from models.retraining import Decision, Reason

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from consumers.jobs.store import Job

TRIGGERS: Final = Asker("triggers")
#: Two schedules that find the same reason at once ask for one training.
_ASKING: Final = 7_304_119
_KEYS: Final = "keys"
#: What a training can be asked for, and what its arguments have room for; the rest is for the next one.
_MOST_PLANTS: Final = 1000
_MOST_LETTERS: Final = 50_000
_LONGEST_BECAUSE: Final = 1000


def by_triggers(job: Job) -> bool:
    """Whether triggers asked for a training; a key of the API may be called as they are."""
    return job.asked_by == TRIGGERS.who and "triggers" in job.arguments


def turn(cursor: Cursor) -> bool:
    """Whether no training of the triggers is still to come; then nobody else asks for one until this
    transaction ends.
    """
    cursor.execute("select pg_advisory_xact_lock(%s)", (_ASKING,))
    return not any(by_triggers(job) for job in store.unfinished(cursor, TRAIN))


def ask(cursor: Cursor, order: Mapping[str, Any], decision: Decision) -> int:
    """Ask for a training for these reasons, as many as one can be for; returns its job."""
    taken = _bounded(decision)
    text = taken.text
    job_id = queue.enqueue(
        cursor,
        TRAIN,
        {
            **order,
            "plants": list(taken.plants),
            "learn_from_all": True,
            "triggers": sorted({reason.trigger for reason in taken.reasons}),
        },
        TRIGGERS,
        text if len(text) <= _LONGEST_BECAUSE else f"{text[: _LONGEST_BECAUSE - 3]}...",
    )
    keys = json.dumps([reason.key for reason in taken.reasons]).encode()
    store.attach(cursor, job_id, _KEYS, "application/json", keys)
    return job_id


def keys_of(cursor: Cursor, job_id: int) -> tuple[str, ...]:
    """The identities of the reasons of a training; none where nobody but a person asked."""
    found = store.file(cursor, job_id, _KEYS)
    return () if found is None else tuple(json.loads(found[1]))


def _bounded(decision: Decision) -> Decision:
    if not decision.plants:
        return decision
    plants: set[str] = set()
    kept: list[Reason] = []
    letters = 0
    for reason in decision.reasons:
        more = set(reason.plants) - plants
        letters += sum(len(json.dumps(plant_id)) + 2 for plant_id in more)
        if kept and (len(plants) + len(more) > _MOST_PLANTS or letters > _MOST_LETTERS):
            break
        plants |= more
        kept.append(reason)
    return Decision(tuple(kept), decision.waiting)
