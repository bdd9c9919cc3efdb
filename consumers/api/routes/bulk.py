"""Bulk jobs: a file of questions, answered by `gridcast schedule` while nobody waits."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from consumers.api.acts import IdempotencyKey, acting, done
from consumers.api.answers import CSV, JSON, PARQUET, document_of, media, problems, tagged, written
from consumers.api.documents import Job
from consumers.api.examples import EXAMPLES
from consumers.api.gate import KeyFirst, Reader
from consumers.api.keys import Key, Role
from consumers.api.latest import etag_of
from consumers.api.parts import Given, Parts
from consumers.api.problems import Problem, document, request_id
from consumers.api.routes.jobs import LATER, TAKEN, JobId
from consumers.jobs import queue, store
from consumers.jobs.names import FORECASTS
from consumers.jobs.queue import Asker, OtherRequest, TooMany
from consumers.predictions import bulk_file
from consumers.predictions.bulk import ASKED, RESULT
from consumers.predictions.bulk_file import FaultyFile, questions
from consumers.predictions.callback import LONGEST_URL, CallbackRefused, expect_allowed
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as DatabaseCursor

router = APIRouter(tags=["predictions"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_HEAD: Final = "latitude,longitude,kind,capacity_kw,hours\n48.45,5.6,wind,8200,24\n"
_FILE: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        CSV: {"schema": {"type": "string"}, "example": _HEAD},
        PARQUET: {"schema": {"type": "string", "format": "binary"}},
    },
}
Callback = Annotated[
    str | None,
    Query(
        min_length=1, max_length=LONGEST_URL, pattern=r"^https?://[^\x00-\x20\x7f]+$",
        description="Told when it is done, signed; its host must be one of `api_callback_hosts`.",
    ),
]  # fmt: skip


@router.post(
    "/v1/predict/jobs",
    status_code=202,
    response_class=Response,
    responses={**TAKEN, **problems(409, 413, 415, 422)},
    openapi_extra={"requestBody": _FILE},
)
async def ask(
    request: Request,
    given: Given,
    key: Reader,
    callback: Callback = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask for the predictions of a file, CSV or Parquet: one question a row, of a place (`latitude`,
    `longitude`, `kind`, `capacity_kw`, `hours`) or of a registered plant (`plant_id`, `hours`), 2,000 rows at
    most. Every row is checked first; where one is wrong, `errors` says row, column and why, and nothing is
    asked for.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in bulk_file.MEDIA:
        raise Problem(415, f"send the file as it is, as {' or '.join(bulk_file.MEDIA)}")
    content = await request.body()
    async with given.rooms:
        return await run_in_threadpool(_ask, request, given, key, kind, content, callback, idempotency_key)


@router.get("/v1/predict/jobs/{job_id}", response_class=Response, responses=document_of(Job, "It.", 404))
def look(request: Request, given: Given, key: Reader, job_id: JobId) -> Response:
    """How far a job is, and what came of it. A reader sees what his own key has asked for."""
    with given.database.reading() as question:
        found = asdict(_own(question, key, job_id))
    told = {name: found.get(name) for name in Job.model_fields}
    return tagged(request, to_json(told, inf_nan_mode="null"), JSON)


@router.get(
    "/v1/predict/jobs/{job_id}/result",
    response_class=Response,
    responses={
        200: {
            "description": "A row for each interval of each question; `problem` where there is no answer.",
            "content": {
                JSON: {
                    "schema": {"type": "array", "items": {"$ref": "#/components/schemas/BulkRow"}},
                    "example": [EXAMPLES["BulkRow"]],
                },
                CSV: {"schema": {"type": "string"}},
                PARQUET: {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problems(304, 404, 406, 409),
    },
)
async def result(request: Request, given: Given, key: Reader, job_id: JobId) -> Response:
    """What a job has made, once it is done; it is kept for `jobs_days`."""
    async with given.rooms:
        return await run_in_threadpool(_result, request, given, key, job_id)


@router.post(
    "/v1/predict/jobs/{job_id}/cancel",
    response_class=Response,
    responses=document_of(Job, "As it is now: cancelled, or stopping.", 404, 409),
)
def cancel(request: Request, given: Given, key: Reader, job_id: JobId) -> Response:
    """End a job: one that waits never begins, one that runs is told to stop."""
    with acting(given, request, key, "predict.cancel", str(job_id)) as cursor:
        before = _own(cursor, key, job_id)
        if not queue.cancel(cursor, job_id):
            raise Problem(409, f"job {job_id} is over already: {before.state}")
        return done(asdict(store.one(cursor, job_id)), Job)


def _ask(
    request: Request,
    given: Parts,
    key: Key,
    kind: str,
    content: bytes,
    callback: str | None,
    idempotency_key: str | None,
) -> Response:
    try:
        rows = len(questions(kind, content))
        if callback is not None:
            expect_allowed(given.settings, callback)
    except FaultyFile as faulty:
        errors = [{"where": f"row {one.row}, {one.column}", "why": one.why} for one in faulty.faults]
        return document(422, str(faulty), request_id(request), errors=errors)
    except CallbackRefused as refusal:
        raise Problem(409, str(refusal)) from None
    except InputError as refusal:
        raise Problem(422, str(refusal)) from None
    told = {"rows": rows, "bytes": len(content), "media": kind, "sha256": bulk_file.digest(content)}
    arguments = {**told, "callback": callback}
    with acting(given, request, key, "predict.ask", FORECASTS, told) as cursor:
        try:
            job_id = queue.enqueue(
                cursor,
                FORECASTS,
                arguments,
                Asker(key.name, key.key_id),
                idempotency_key=idempotency_key,
                most_unfinished=given.settings.api_key_jobs,
            )
        except TooMany as refusal:
            raise Problem(429, str(refusal), LATER) from None
        except OtherRequest as refusal:
            raise Problem(409, str(refusal)) from None
        if store.file(cursor, job_id, ASKED) is None:
            store.attach(cursor, job_id, ASKED, kind, content)
        return done(asdict(store.one(cursor, job_id)), Job, 202, Location=f"/v1/predict/jobs/{job_id}")


def _result(request: Request, given: Parts, key: Key, job_id: int) -> Response:
    kind = media(request)
    with given.database.reading() as question:
        job = _own(question, key, job_id)
        held = store.file(question, job_id, RESULT)
    if held is None:
        raise Problem(409, f"job {job_id} has no result: it is {job.state}")
    etag = etag_of(held[1] + kind.encode())  # who has it costs no conversion
    known = tagged(request, b"", kind, etag=etag)
    return known if known.status_code == 304 else tagged(request, _as(kind, held[1]), kind, etag=etag)


def _own(cursor: DatabaseCursor, key: Key, job_id: int) -> store.Job:
    """A job that a key may see: its own, or any for an operator."""
    cursor.execute("select kind, key_id from jobs where job_id = %s", (job_id,))
    row = cursor.fetchone()
    may = row is not None and (row[1] == key.key_id or key.role.includes(Role.OPERATOR))
    if row is None or row[0] != FORECASTS or not may:
        raise Problem(404, "there is no such job of yours")
    return store.one(cursor, job_id)


def _as(kind: str, content: bytes) -> bytes:
    """A result, which is kept as Parquet, in another format."""
    if kind == PARQUET:
        return content
    table = pq.read_table(pa.BufferReader(content))
    rows = table.to_pylist()
    return written(CSV, {}, rows, table.column_names) if kind == CSV else to_json(rows, inf_nan_mode="null")
