"""Paths that clients of other prediction services ask for. Each is a thin door to what stands under /v1.

The three names of models are ways to look at one thing, the release that serves: `multi_step` all of its
steps, `single_step` the next one, `multi_model_residual` the weather model with what telemetry corrects.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from consumers.api import documents
from consumers.api.acts import IdempotencyKey
from consumers.api.answers import JSON, answer, document_of, page_of, problems, tagged
from consumers.api.documents import Health, ModelVersion, Release, Schedule, ScheduleOrder
from consumers.api.gate import Admin, KeyFirst, Operator, Reader
from consumers.api.params import TEXT, Cursor, Limit
from consumers.api.parts import Given
from consumers.api.problems import Problem
from consumers.api.routes import jobs, logs, releases, schedules, service
from consumers.jobs.orders import TrainOrder
from consumers.releases import champion
from consumers.stored import read_releases
from schemas.records import ReleaseRecord

public = APIRouter(tags=["aliases"])
router = APIRouter(tags=["aliases"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

NAMES: Final = ("multi_step", "single_step", "multi_model_residual")
COLD_START: Final = "cold-start"
Model = Annotated[
    str,
    Path(
        min_length=1, max_length=200, pattern=TEXT, examples=["multi_step"],
        description="multi_step, single_step, multi_model_residual, or the name of a release.",
    ),
]  # fmt: skip


@public.get("/api/health", responses={503: {"model": Health, "description": "It stands still."}})
async def health(given: Given, response: Response) -> Health:
    """As /health."""
    return await service.health(given, response)


@router.get("/api/models", response_class=Response, responses=page_of(Release, "As /v1/releases."))
def models(request: Request, given: Given, _key: Reader) -> Response:
    """As /v1/releases, with the common `names`, which all mean the release that serves."""
    return answer(request, Release, releases.rows(given), {"names": NAMES})


@router.get("/api/models/{model}", response_class=Response, responses=document_of(ModelVersion, "It.", 404))
@router.get(
    "/model_version/{model}", response_class=Response, responses=document_of(ModelVersion, "It.", 404)
)
def model_version(request: Request, given: Given, _key: Reader, model: Model) -> Response:
    """The release and version that answer under a name: what serves, or the newest of that name."""
    with given.database.reading() as question:
        records = read_releases(question)
    return tagged(request, to_json(_version(model, records)), JSON)


@router.post("/api/admin/retrain", status_code=202, response_class=Response, responses=jobs.TAKEN)
def retrain(
    request: Request,
    given: Given,
    key: Operator,
    order: jobs.Order,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """As POST /v1/trainings."""
    return jobs.ask_for_training(request, given, key, order, idempotency_key)


@router.post("/train/{model}", status_code=202, response_class=Response, responses=jobs.TAKEN)
def train(
    request: Request,
    given: Given,
    key: Operator,
    model: Model,
    order: jobs.Order,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """As POST /v1/trainings, for the release that the name means; `name` in the body counts for nothing."""
    with given.database.reading() as question:
        records = read_releases(question)
    serves = _version(model, records)["release"]
    named = order.model_copy(update={"name": serves or TrainOrder().name})
    asked = {"model": model, **order.model_dump(exclude={"name"})}  # the same after a promotion
    return jobs.ask_for_training(request, given, key, named, idempotency_key, asked)


@router.get("/api/admin/jobs", response_class=Response, responses=page_of(documents.Job, "As /v1/jobs.", 404))
def newest_jobs(
    request: Request, given: Given, key: Operator, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """As /v1/jobs."""
    return jobs.jobs(request, given, key, None, None, limit, cursor)


@router.get("/api/admin/metrics", response_class=Response, responses=service.EXPOSED)
async def admin_metrics(key: Operator) -> Response:
    """As /metrics."""
    return await service.metrics(key)


@router.get("/api/admin/schedule", response_class=Response, responses=page_of(Schedule, "As /v1/schedules."))
def admin_schedules(request: Request, given: Given, key: Operator) -> Response:
    """As /v1/schedules."""
    return schedules.schedules(request, given, key)


@router.post("/api/admin/schedule", status_code=201, response_class=Response, responses=schedules.MADE)
def make_schedule(request: Request, given: Given, key: Admin, order: ScheduleOrder) -> Response:
    """As POST /v1/schedules."""
    return schedules.make(request, given, key, order)


@router.get("/logs", response_class=Response, responses=page_of(documents.Request, "As /v1/logs/requests."))
def newest_requests(request: Request, given: Given, key: Operator, limit: logs.Newest = 100) -> Response:
    """As /v1/logs/requests."""
    return logs.requests(request, given, key, limit)


def _version(model: str, records: list[ReleaseRecord]) -> dict[str, Any]:
    own = [one for one in records if one.name == model]
    if model not in NAMES and model != COLD_START and not own:
        raise Problem(404, "there is no such model: /api/models lists them")
    record = champion(records) if model in NAMES else (champion(own) or own[-1] if own else None)
    if record is None:
        return {"model": model, "release": None, "version": "0", "since": None, "sha256": None}
    return {
        "model": model,
        "release": record.name,
        "version": record.version,
        "since": datetime.fromtimestamp(record.valid_from_ms / 1000, UTC),
        "sha256": record.artifact_sha256,
    }
