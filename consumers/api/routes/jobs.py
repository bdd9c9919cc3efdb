"""Jobs: asked for, looked at, cancelled. `gridcast schedule` runs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic_core import to_json

from consumers.api import documents
from consumers.api.acts import IdempotencyKey, acting, done
from consumers.api.answers import JSON, answer, document_of, page_of, problems, tagged
from consumers.api.documents import Job, JobDocument
from consumers.api.gate import KeyFirst, Operator, expect_role
from consumers.api.keys import Key, Role
from consumers.api.listing import Listing
from consumers.api.params import Cursor, Limit, Name
from consumers.api.parts import Given, Parts
from consumers.api.problems import Problem
from consumers.jobs import queue, store
from consumers.jobs.names import TRAIN
from consumers.jobs.orders import TrainOrder
from consumers.jobs.queue import Asker, OtherRequest, TooMany
from consumers.triggers import plant_ids
from schemas.errors import InputError

router = APIRouter(tags=["jobs"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_LINES: Final = 200
LATER: Final = {"Retry-After": "60"}
_JOBS: Final = Listing(
    "job_states as t",
    ", ".join(Job.model_fields),
    {"job_id": "bigint"},
    {"kind": "t.kind = %(kind)s", "state": "t.state = %(state)s"},
    descending=True,
)
State = Annotated[
    Literal["waiting", "running", "stopping", "done", "failed", "cancelled"] | None,
    Query(description="How it is."),
]
JobId = Annotated[int, Path(ge=1, le=2**62, examples=[17])]
Order = Annotated[TrainOrder, Body(default_factory=TrainOrder)]
TAKEN: Final[dict[int | str, Any]] = {
    202: {
        **document_of(Job, "It is asked for.")[200],
        "headers": {"Location": {"schema": {"type": "string"}}},
    },
    **problems(404, 409, 413),
}


@router.get("/v1/jobs", response_class=Response, responses=page_of(Job, "Newest first.", 404))
def jobs(
    request: Request,
    given: Given,
    _key: Operator,
    kind: Name = None,
    state: State = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What was asked for, how far it is and what came of it."""
    with given.database.reading() as question:
        rows, following = _JOBS.page(question, {"kind": kind, "state": state}, limit, cursor)
    return answer(request, documents.Job, rows, following=following)


@router.get("/v1/jobs/{job_id}", response_class=Response, responses=document_of(JobDocument, "It.", 404))
def job(request: Request, given: Given, _key: Operator, job_id: JobId) -> Response:
    """One job with the newest 200 lines of its log."""
    with given.database.reading() as question:
        found = _one(question, job_id)
        said = store.lines(question, job_id, _LINES)
    told = {**asdict(found), "log": [{"at": at, "text": text} for at, text in said]}
    return tagged(request, to_json(told, inf_nan_mode="null"), JSON)


@router.post(
    "/v1/jobs/{job_id}/cancel",
    response_class=Response,
    responses=document_of(Job, "As it is now: cancelled, or stopping.") | problems(404, 409),
)
def cancel(request: Request, given: Given, key: Operator, job_id: JobId) -> Response:
    """End a job: one that waits never begins, one that runs is told to stop."""
    with acting(given, request, key, "job.cancel", str(job_id)) as cursor:
        before = _one(cursor, job_id)
        if not queue.cancel(cursor, job_id):
            raise Problem(409, f"job {job_id} is over already: {before.state}")
        return done(asdict(store.one(cursor, job_id)), Job)


@router.post("/v1/trainings", status_code=202, response_class=Response, responses=TAKEN)
def train(
    request: Request, given: Given, key: Operator, order: Order, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask for a training: a candidate serves if it beats what serves now on days that neither has seen.
    With `force` it serves whatever the verdict is, as a promotion by hand: that needs an admin.
    """
    return ask_for_training(request, given, key, order, idempotency_key)


def ask_for_training(
    request: Request,
    given: Parts,
    key: Key,
    order: TrainOrder,
    idempotency_key: str | None,
    asked: dict[str, Any] | None = None,
) -> Response:
    """Put a training into the queue, and say where it is to be looked at. `asked`: what came, where the order
    was made of it.
    """
    with acting(given, request, key, "train.ask", order.name, order.model_dump()) as cursor:
        if order.force:
            expect_role(key, Role.ADMIN, "a training that publishes whatever the verdict is (force)")
        known = set(plant_ids(cursor))
        strangers = sorted(set(order.plants) - known)
        if strangers:
            raise Problem(404, f"there is no plant {strangers[0]}: /v1/plants lists them")
        try:
            job_id = queue.enqueue(
                cursor,
                TRAIN,
                order.model_dump(),
                Asker(key.name, key.key_id),
                idempotency_key=idempotency_key,
                most_unfinished=given.settings.api_key_jobs,
                asked=asked,
            )
        except TooMany as refusal:
            raise Problem(429, str(refusal), LATER) from None
        except OtherRequest as refusal:
            raise Problem(409, str(refusal)) from None
        except InputError as refusal:
            raise Problem(413, str(refusal)) from None
        return done(asdict(store.one(cursor, job_id)), Job, 202, Location=f"/v1/jobs/{job_id}")


def _one(cursor: Any, job_id: int) -> store.Job:
    try:
        return store.one(cursor, job_id)
    except InputError:
        raise Problem(404, "there is no such job: /v1/jobs lists them") from None
