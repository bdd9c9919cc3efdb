"""What was asked and what was done, for operators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from consumers.api import documents
from consumers.api.answers import answer, page_of, problems
from consumers.api.gate import KeyFirst, Operator
from consumers.api.listing import Listing
from consumers.api.params import Cursor, From, Limit, Name, To
from consumers.api.parts import Given
from consumers.api.requests import KEPT

router = APIRouter(tags=["logs"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_ACTIONS: Final = Listing(
    "api_audit as t",
    ", ".join(documents.Action.model_fields),
    {"audit_id": "bigint"},
    {
        "action": "t.action = %(action)s",
        "key_id": "t.key_id = %(key_id)s",
        "from": "t.at >= %(from)s",
        "to": "t.at < %(to)s",
    },
    descending=True,
)
Newest = Annotated[int, Query(ge=1, le=KEPT, description="How many.")]


@router.get(
    "/v1/logs/requests",
    response_class=Response,
    responses=page_of(documents.Request, "Requests, newest first."),
)
def requests(request: Request, given: Given, _key: Operator, limit: Newest = 100) -> Response:
    """The newest requests to this process. All of them are in its log."""
    return answer(request, documents.Request, [asdict(one) for one in given.requests.newest(limit)])


@router.get(
    "/v1/logs/predictions",
    response_class=Response,
    responses=page_of(documents.Answered, "Predictions on request, newest first."),
)
def predictions(request: Request, given: Given, _key: Operator, limit: Newest = 100) -> Response:
    """The newest predictions that were asked of this process, what came of them, and how long they took."""
    return answer(request, documents.Answered, [asdict(one) for one in given.predictions.newest(limit)])


@router.get(
    "/v1/logs/actions",
    response_class=Response,
    responses=page_of(documents.Action, "Actions, newest first.", 404),
)
def actions(
    request: Request,
    given: Given,
    _key: Operator,
    action: Name = None,
    key_id: Name = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The audit trail: who did what, and what came of it."""
    asked = {"action": action, "key_id": key_id, "from": from_, "to": to}
    with given.database.reading() as question:
        rows, following = _ACTIONS.page(question, asked, limit, cursor)
    return answer(request, documents.Action, rows, following=following)
