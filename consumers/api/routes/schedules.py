"""Schedules and triggers of retraining: looked at, made, changed, paused, taken away."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from consumers import trigger_values
from consumers.api.acts import acting, done
from consumers.api.answers import JSON, answer, document_of, page_of, problems, tagged
from consumers.api.documents import (
    Schedule,
    ScheduleChange,
    ScheduleOrder,
    ScheduleRun,
    TriggerChange,
    TriggerValue,
)
from consumers.api.gate import Admin, KeyFirst, Operator
from consumers.api.listing import Listing
from consumers.api.params import TEXT, Cursor, Limit
from consumers.api.parts import Given
from consumers.api.problems import Problem
from consumers.jobs import schedules as known
from consumers.jobs.names import TRAIN
from schemas.errors import InputError

router = APIRouter(tags=["schedules"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

Named = Annotated[str, Path(min_length=1, max_length=100, pattern=TEXT, examples=["nightly"])]
_RUNS: Final = Listing(
    "(select r.name, r.due_at, r.asked_at, r.job_id, j.state from schedule_runs r"
    " left join job_states j using (job_id)) as t",
    ", ".join(ScheduleRun.model_fields),
    {"due_at": "timestamptz"},
    {"name": "t.name = %(name)s"},
    descending=True,
)
MADE: Final[dict[int | str, Any]] = {
    201: {
        **document_of(Schedule, "It is made.")[200],
        "headers": {"Location": {"schema": {"type": "string"}}},
    },
    **problems(409),
}


@router.get("/v1/schedules", response_class=Response, responses=page_of(Schedule, "By name, in one page."))
def schedules(request: Request, given: Given, _key: Operator) -> Response:
    """Every schedule, and when it asks for a training the next time."""
    with given.database.reading() as question:
        rows = [asdict(one) for one in known.listed(question)]
    return answer(request, Schedule, rows)


@router.post("/v1/schedules", status_code=201, response_class=Response, responses=MADE)
def make(request: Request, given: Given, key: Admin, order: ScheduleOrder) -> Response:
    """A training by cron expression (UTC), whatever the triggers say."""
    detail = order.model_dump()
    with acting(given, request, key, "schedule.make", order.name, detail) as cursor:
        try:
            made = known.make(
                cursor, order.name, order.cron, TRAIN, order.train.model_dump(), key.name, order.paused
            )
        except known.Exists as refusal:
            raise Problem(409, str(refusal)) from None
        except InputError as refusal:
            raise Problem(422, str(refusal)) from None
        return done(asdict(made), Schedule, 201, Location=f"/v1/schedules/{made.name}")


@router.get("/v1/schedules/{name}", response_class=Response, responses=document_of(Schedule, "It.", 404))
def schedule(request: Request, given: Given, _key: Operator, name: Named) -> Response:
    """One schedule."""
    with given.database.reading() as question:
        found = _or_404(lambda: known.one(question, name))
    return tagged(request, to_json(asdict(found)), JSON)


@router.patch(
    "/v1/schedules/{name}",
    response_class=Response,
    responses=document_of(Schedule, "As it is now.") | problems(404),
)
def change(request: Request, given: Given, key: Admin, name: Named, order: ScheduleChange) -> Response:
    """Change when it asks, what for, or whether it is paused. What it missed while it was paused is not made
    up for.
    """
    detail = order.model_dump(exclude_none=True)
    with acting(given, request, key, "schedule.change", name, detail) as cursor:
        _or_404(lambda: known.one(cursor, name))
        arguments = None if order.train is None else order.train.model_dump()
        try:
            changed = known.change(cursor, name, key.name, order.cron, arguments, order.paused)
        except InputError as refusal:
            raise Problem(422, str(refusal)) from None
        return done(asdict(changed), Schedule)


@router.delete(
    "/v1/schedules/{name}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is gone; what it has run stays known."}, **problems(404)},
)
def remove(request: Request, given: Given, key: Admin, name: Named) -> Response:
    """Take a schedule away."""
    with acting(given, request, key, "schedule.remove", name) as cursor:
        _or_404(lambda: known.remove(cursor, name))
    return Response(status_code=204)


@router.get(
    "/v1/schedules/{name}/runs", response_class=Response, responses=page_of(ScheduleRun, "Newest first.", 404)
)
def runs(
    request: Request, given: Given, _key: Operator, name: Named, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """When it asked, for which job, and what became of that."""
    with given.database.reading() as question:
        rows, following = _RUNS.page(question, {"name": name}, limit, cursor)
        if not rows and cursor is None:
            _or_404(lambda: known.one(question, name))
    return answer(request, ScheduleRun, rows, following=following)


@router.get("/v1/triggers", response_class=Response, responses=page_of(TriggerValue, "In one page."))
def triggers(request: Request, given: Given, _key: Operator) -> Response:
    """What the triggers of retraining go by: the settings, and what was set over them."""
    with given.database.reading() as question:
        rows = [asdict(one) for one in trigger_values.listed(question, given.settings)]
    return answer(request, TriggerValue, rows)


@router.patch(
    "/v1/triggers",
    response_class=Response,
    responses=page_of(TriggerValue, "As they are now.") | problems(409),
)
def set_triggers(request: Request, given: Given, key: Admin, order: TriggerChange) -> Response:
    """Set values over the settings, for every `gridcast schedule` from its next look on; null: as the
    settings say again.
    """
    values = {name: getattr(order, name) for name in order.model_fields_set}
    with acting(given, request, key, "trigger.set", ", ".join(sorted(values)), values) as cursor:
        for name, value in sorted(values.items()):
            try:
                if value is None:
                    trigger_values.clear(cursor, given.settings, name)
                else:
                    trigger_values.put(cursor, given.settings, name, value, key.name)
            except InputError as refusal:
                raise Problem(422, str(refusal)) from None
        rows = [asdict(one) for one in trigger_values.listed(cursor, given.settings)]
    return answer(request, TriggerValue, rows)


def _or_404(look: Any) -> Any:
    try:
        return look()
    except InputError:
        raise Problem(404, "there is no such schedule: /v1/schedules lists them") from None
