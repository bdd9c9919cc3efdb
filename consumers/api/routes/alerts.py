"""Alerts: what people were told of, and who has taken it up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response

from consumers.alerts import actions
from consumers.alerts.rules import read_rules
from consumers.api.acts import acting, done
from consumers.api.answers import answer, document_of, page_of, problems
from consumers.api.documents import Acknowledged, Acknowledgement, Alert
from consumers.api.gate import KeyFirst, Operator, Reader
from consumers.api.listing import Listing
from consumers.api.params import TEXT, Cursor, From, Limit, Name, OfPlant, To
from consumers.api.parts import Given
from consumers.api.problems import Problem
from consumers.api.routes.events import Severity
from schemas.errors import InputError

router = APIRouter(tags=["alerts"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_ALERTS: Final = Listing(
    "(select *, energy_before_kwh + energy_kwh as energy_in_all_kwh from alerts"
    " where raised_at is not null) as t",
    ", ".join(
        "energy_in_all_kwh as energy_kwh" if name == "energy_kwh" else name for name in Alert.model_fields
    ),
    {"raised_at": "timestamptz", "alert_id": "text"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "kind": "t.kind = %(kind)s",
        "severity": "t.severity = %(severity)s",
        "state": "t.state = %(state)s",
        "acknowledged": "(t.acked_at is not null) = %(acknowledged)s",
        "from": "t.raised_at >= %(from)s",
        "to": "t.raised_at < %(to)s",
    },
    descending=True,
)
AlertId = Annotated[str, Path(min_length=1, max_length=200, pattern=TEXT, examples=["4f1c9a3b7d20e865"])]
Taken = Annotated[Acknowledgement, Body(default_factory=Acknowledgement)]
State = Annotated[Literal["raised", "cleared"] | None, Query(description="raised: not over yet.")]


@router.post(
    "/v1/alerts/{alert_id}/acknowledge",
    response_class=Response,
    responses=document_of(Acknowledged, "Who has it.") | problems(404, 409),
)
def take_up(request: Request, given: Given, key: Operator, alert_id: AlertId, order: Taken) -> Response:
    """Take an alert up: no reminder any more until it is over. A second time changes nothing."""
    rules = read_rules(given.settings.alerts_file)
    with acting(given, request, key, "alert.acknowledge", alert_id, order.model_dump()) as cursor:
        try:
            taken = actions.take_up(cursor, rules, alert_id, key.name, order.note)
        except actions.NoAlert:
            raise Problem(404, "there is no such alert: /v1/alerts lists them") from None
        except InputError as refusal:
            raise Problem(409, str(refusal)) from None
        at = datetime.fromtimestamp((taken.acked_at_ms or 0) / 1000, UTC)
        row = {"alert_id": alert_id, "acknowledged_by": taken.acked_by, "acknowledged_at": at}
        return done(row, Acknowledged)


@router.get("/v1/alerts", response_class=Response, responses=page_of(Alert, "Alerts, newest first.", 404))
def alerts(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: OfPlant = None,
    kind: Name = None,
    severity: Severity = None,
    state: State = None,
    acknowledged: Annotated[bool | None, Query(description="Whether somebody has taken it up.")] = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What `gridcast alerts` has told: outages, drift, stalls, each with its newest numbers."""
    asked = {
        "plant_id": plant_id, "kind": kind, "severity": severity, "state": state,
        "acknowledged": acknowledged, "from": from_, "to": to,
    }  # fmt: skip
    with given.database.reading() as question:
        rows, following = _ALERTS.page(question, asked, limit, cursor)
    return answer(request, Alert, rows, following=following)
