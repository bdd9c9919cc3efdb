"""Forecasts: the newest from memory, any past one and its revisions from PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from consumers import tables
from consumers.api.answers import JSON, answer, document_of, media, page_of, problems, tabular, tagged
from consumers.api.documents import Forecast, Issue, Revision
from consumers.api.gate import KeyFirst, Reader
from consumers.api.listing import Listing
from consumers.api.params import (
    Cursor,
    From,
    Horizons,
    Levels,
    Limit,
    Moment,
    Name,
    PlantId,
    To,
    levels_of,
    seconds_of,
)
from consumers.api.parts import Given
from consumers.api.problems import Problem
from consumers.api.routes.plants import expect_plant
from consumers.forecast_document import document, rows
from consumers.predictions.stored import record_of
from schemas.errors import InputError

router = APIRouter(tags=["forecasts"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_ISSUES: Final = Listing(
    "forecasts as t",
    "plant_id, issued_at, model, version, known_at, capacity_kw, cardinality(valid_at) as steps,"
    " valid_at[cardinality(valid_at)] as until, stale, telemetry_at, run_source as weather_source,"
    " run_published_at as weather_published_at, telemetry_quality, weather_quality",
    {"issued_at": "timestamptz", "model": "text", "version": "text"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "from": "t.issued_at >= %(from)s",
        "to": "t.issued_at < %(to)s",
        "model": "t.model = %(model)s",
        "version": "t.version = %(version)s",
    },
    descending=True,
)
#: Further ahead nobody forecasts; the bound keeps the question to a month or two of the table.
_FURTHEST: Final = timedelta(days=16)
_REVISIONS: Final = Listing(
    "forecast_steps as t",
    "plant_id, valid_at, interval_s, issued_at, extract(epoch from valid_at - issued_at)::integer as lead_s,"
    " model, version, rung, p10_kw, p50_kw, p90_kw, available_kw",
    {"issued_at": "timestamptz", "model": "text", "version": "text"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "valid_at": "t.valid_at = %(valid_at)s",
        "earliest": "t.issued_at >= %(earliest)s and t.issued_at < %(valid_at)s",
    },
    descending=True,
)
_FIELDS: Final = tuple(tables.FORECASTS.columns)
_ONE: Final = (
    f"select {', '.join(_FIELDS)} from forecasts where plant_id = %(plant_id)s and issued_at = %(issued_at)s"
    " and (%(model)s::text is null or model = %(model)s)"
    " and (%(version)s::text is null or version = %(version)s)"
    " order by known_at desc, model, version limit 1"
)


@router.get(
    "/v1/plants/{plant_id}/forecasts/latest",
    response_class=Response,
    responses=document_of(Forecast, "The newest forecast.", 404, 406, tables=True),
)
async def latest(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    levels: Levels = None,
    horizons: Horizons = None,
) -> Response:
    """The newest forecast of a plant, whole or with chosen levels and lead times. It asks nobody."""
    held = given.latest.get(plant_id)
    if held is None:
        if not given.follower.whole:
            raise Problem(503, "forecasts are still being read: try again", {"Retry-After": "2"})
        raise Problem(404, f"there is no forecast of {plant_id}: /v1/plants lists the plants")
    if levels is None and horizons is None and media(request) == JSON:
        body, etag = held.told()
        return tagged(request, body, JSON, etag=etag)
    return _told(request, held.record(), levels, horizons)


@router.get(
    "/v1/plants/{plant_id}/forecasts",
    response_class=Response,
    responses=page_of(Issue, "Issues, newest first.", 404),
)
def issues(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    from_: From = None,
    to: To = None,
    model: Name = None,
    version: Name = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What was issued for a plant, without the steps."""
    asked = {"plant_id": plant_id, "from": from_, "to": to, "model": model, "version": version}
    with given.database.reading() as question:
        expect_plant(question, plant_id)
        found, following = _ISSUES.page(question, asked, limit, cursor)
    return answer(request, Issue, found, following=following)


@router.get(
    "/v1/plants/{plant_id}/forecasts/{issued_at}",
    response_class=Response,
    responses=document_of(Forecast, "The forecast.", 404, 406, tables=True),
)
def issue(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    issued_at: Moment,
    levels: Levels = None,
    horizons: Horizons = None,
    model: Name = None,
    version: Name = None,
) -> Response:
    """One past forecast, as it was published. Of several of that time the one that was known last."""
    asked = {"plant_id": plant_id, "issued_at": issued_at, "model": model, "version": version}
    with given.database.reading() as question:
        question.execute(_ONE, asked)
        row = question.fetchone()
    if row is None:
        raise Problem(404, "there is no such forecast: /v1/plants/{plant_id}/forecasts lists them")
    return _told(request, record_of(row), levels, horizons)


@router.get(
    "/v1/plants/{plant_id}/revisions",
    response_class=Response,
    responses=page_of(Revision, "Revisions, newest first.", 404),
)
def revisions(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    valid_at: Annotated[Moment, Query(description="End of the interval.")],
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Response:
    """All that was ever forecast for one interval of a plant, from the first issue to the last."""
    asked = {"plant_id": plant_id, "valid_at": valid_at, "earliest": valid_at - _FURTHEST}
    with given.database.reading() as question:
        expect_plant(question, plant_id)
        found, following = _REVISIONS.page(question, asked, limit, cursor)
    return answer(request, Revision, found, following=following)


def _told(request: Request, record: Mapping[str, Any], levels: str | None, horizons: str | None) -> Response:
    try:
        told = document(record, levels_of(levels), seconds_of(horizons))
    except InputError as error:
        raise Problem(404, str(error)) from error
    shown = record["levels"] if levels is None else sorted(set(levels_of(levels) or ()))
    names = ["plant_id", "issued_at", "valid_at", "interval_s", "rung"]
    return tabular(request, told, rows(told), [*names, *(f"{one:g}" for one in shown), "available_kw"])
