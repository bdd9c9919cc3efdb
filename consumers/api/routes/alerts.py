"""Alerts: what people were told of, and who has taken it up."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from consumers.api.answers import answer, page_of, problems
from consumers.api.documents import Alert
from consumers.api.gate import Reader
from consumers.api.listing import Listing
from consumers.api.params import Cursor, From, Limit, Name, OfPlant, To
from consumers.api.parts import Given
from consumers.api.routes.events import Severity

router = APIRouter(tags=["alerts"], responses=problems(401, 403, 429, 503))

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
State = Annotated[Literal["raised", "cleared"] | None, Query(description="raised: not over yet.")]


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
