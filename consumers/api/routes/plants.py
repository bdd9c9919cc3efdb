"""Plants, what they measured, and whether their newest forecast can be trusted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from consumers.api.answers import JSON, answer, document_of, page_of, problems, tagged
from consumers.api.documents import Actual, Plant, PlantDocument, Quality, UnitScan
from consumers.api.gate import KeyFirst, Reader
from consumers.api.listing import Listing, named
from consumers.api.params import Cursor, From, Limit, Name, OfPlant, PlantId, To
from consumers.api.parts import Given, Parts
from consumers.api.problems import Problem
from consumers.forecast_document import RUNGS, iso_or_none
from consumers.live_coverage import read_coverage
from consumers.losses import newest_plants
from models.trust import doubt_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as DatabaseCursor

router = APIRouter(tags=["plants"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_COLUMNS: Final = ", ".join(Plant.model_fields)
_PLANTS: Final = Listing(
    f"(select distinct on (plant_id) {_COLUMNS} from plants"
    " order by plant_id, valid_from desc, known_at desc) as t",
    _COLUMNS,
    {"plant_id": "text"},
    {"kind": "t.kind = %(kind)s"},
)
_ACTUALS: Final = Listing(
    "actuals as t",
    ", ".join(Actual.model_fields),
    {"event_time": "timestamptz"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "from": "t.event_time >= %(from)s",
        "to": "t.event_time < %(to)s",
    },
)


_UNITS: Final = Listing(
    "unit_telemetry as t",
    ", ".join(UnitScan.model_fields),
    {"event_time": "timestamptz", "unit_id": "text"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "unit_id": "t.unit_id = %(unit_id)s",
        "from": "t.event_time >= %(from)s",
        "to": "t.event_time < %(to)s",
    },
)


@router.get("/v1/plants", response_class=Response, responses=page_of(Plant, "Every plant, by name.", 404))
def plants(
    request: Request, given: Given, _key: Reader, limit: Limit = 500, cursor: Cursor = None
) -> Response:
    """The registry, the newest version of each plant."""
    with given.database.reading() as question:
        rows, following = _PLANTS.page(question, {}, limit, cursor)
    return answer(request, Plant, rows, following=following)


@router.get(
    "/v1/plants/{plant_id}",
    response_class=Response,
    responses=document_of(PlantDocument, "The plant.", 404),
)
def plant(request: Request, given: Given, _key: Reader, plant_id: PlantId) -> Response:
    """One plant with all of its versions, oldest first."""
    with given.database.reading() as question:
        question.execute(
            f"select {_COLUMNS} from (select distinct on (valid_from) * from plants where plant_id = %s"
            " order by valid_from, known_at desc) as held order by valid_from",
            (plant_id,),
        )
        versions = named(question)
    if not versions:
        raise unknown(plant_id)
    return tagged(request, to_json({**versions[-1], "versions": versions}), JSON)


@router.get(
    "/v1/plants/{plant_id}/actuals",
    response_class=Response,
    responses=page_of(Actual, "Scans, oldest first.", 404),
)
def actuals(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    from_: From = None,
    to: To = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Response:
    """What a plant measured, with corrections."""
    with given.database.reading() as question:
        expect_plant(question, plant_id)
        asked = {"plant_id": plant_id, "from": from_, "to": to}
        rows, following = _ACTUALS.page(question, asked, limit, cursor)
    return answer(request, Actual, rows, following=following)


@router.get(
    "/v1/plants/{plant_id}/units",
    response_class=Response,
    responses=page_of(UnitScan, "Scans of units, oldest first.", 404),
)
def units(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    unit_id: Name = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Response:
    """What each turbine or inverter of a plant measured."""
    with given.database.reading() as question:
        expect_plant(question, plant_id)
        asked = {"plant_id": plant_id, "unit_id": unit_id, "from": from_, "to": to}
        rows, following = _UNITS.page(question, asked, limit, cursor)
    return answer(request, UnitScan, rows, following=following)


@router.get(
    "/v1/quality",
    response_class=Response,
    responses=page_of(Quality, "Every plant, by name, in one page."),
)
def quality(request: Request, given: Given, _key: Reader, plant_id: OfPlant = None) -> Response:
    """For each plant whether its newest forecast can be trusted now, if not why, and how its feeds are."""
    with given.database.reading() as question:
        known = [one for one in newest_plants(question) if plant_id in (None, one.plant_id)]
        held = read_coverage(question, 3600, given.settings.coverage_days)
    now_ms = time.time_ns() // 1_000_000
    rows = []
    for one in known:
        forecast = newest(given, one.plant_id)
        why_not = doubt_of(one, forecast, now_ms)
        rows.append(_quality(one.plant_id, why_not, forecast, held.get(one.plant_id)))
    return answer(request, Quality, rows)


def _quality(
    plant_id: str, why_not: str | None, forecast: Mapping[str, Any] | None, inside: float | None
) -> dict[str, Any]:
    told = forecast or {}
    return {
        "plant_id": plant_id,
        "trusted": why_not is None,
        "why_not": why_not,
        "issued_at": iso_or_none(told.get("issued_at")),
        "rung": RUNGS[told["rung"][0]] if told.get("rung") else None,
        "telemetry_at": iso_or_none(told.get("telemetry_at")),
        "telemetry_quality": told.get("telemetry_quality"),
        "weather_source": told.get("run_source"),
        "weather_published_at": iso_or_none(told.get("run_published_at")),
        "weather_quality": told.get("weather_quality"),
        "coverage80_1h": None if inside is None else round(inside, 4),
    }


def newest(given: Parts, plant_id: str) -> Mapping[str, Any] | None:
    """The newest forecast of a plant as a record, from memory."""
    held = given.latest.get(plant_id)
    return None if held is None else held.record()


def expect_plant(question: DatabaseCursor, plant_id: str) -> None:
    """Raises `Problem` 404 where nobody knows the plant."""
    question.execute("select 1 from plants where plant_id = %s limit 1", (plant_id,))
    if question.fetchone() is None:
        raise unknown(plant_id)


def unknown(plant_id: str) -> Problem:
    """The 404 of a plant."""
    return Problem(404, f"there is no plant {plant_id}: /v1/plants lists them")
