"""How far the parts of the stream are behind."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from consumers.api import documents
from consumers.api.answers import answer, page_of, problems
from consumers.api.gate import KeyFirst, Reader
from consumers.api.parts import Given

router = APIRouter(tags=["service"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)


@router.get(
    "/v1/lag",
    response_class=Response,
    responses=page_of(documents.Lag, "Every group, topic and partition, in one page."),
)
def lag(request: Request, given: Given, _key: Reader) -> Response:
    """How far workers, sinks and all other groups are behind, as `gridcast lag` tells it; 5 s old at most."""
    return answer(request, documents.Lag, given.lag.rows())
