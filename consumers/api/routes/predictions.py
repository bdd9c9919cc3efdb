"""Predictions on request: of any place, of a registered plant."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic_core import to_json

from consumers.api.answers import JSON, document_of, fresh, problems, told
from consumers.api.documents import Batch, Prediction, WhatIf
from consumers.api.gate import KeyFirst, Reader, charge
from consumers.api.params import PlantId
from consumers.api.parts import Given
from consumers.api.predictions import many, predict, what_if
from consumers.predictions.asked import Asked, BatchAsked, WhatIfAsked
from consumers.predictions.told import columns, rows

router = APIRouter(tags=["predictions"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

EXAMPLES = {
    "place": {
        "summary": "A plant that nobody registered, by the physical start on live weather",
        "value": {"latitude": 48.45, "longitude": 5.6, "kind": "wind", "capacity_kw": 8200.0, "hours": 24},
    },
    "plant": {
        "summary": "A registered plant: what its worker said newest",
        "value": {"plant_id": "la-haute-borne", "hours": 6, "levels": [0.1, 0.5, 0.9]},
    },
}


@router.post(
    "/v1/predict",
    response_class=Response,
    responses=document_of(Prediction, "The prediction.", 404, 406, 422, 504, tables=True),
)
async def prediction(
    request: Request, given: Given, _key: Reader, asked: Annotated[Asked, Body(openapi_examples=EXAMPLES)]
) -> Response:
    """What a plant will give: of a registered one its newest forecast, of any place the physical start on
    live weather, as a worker has it for a plant that nothing was trained on.
    """
    found = await predict(given, request.scope["state"], asked)
    return told(request, found, rows(found), columns(found))


_WHAT_IFS = {
    "units": {"summary": "A turbine stands still", "value": {"units_out": ["R80711"]}},
    "larger": {"summary": "The plant is larger", "value": {"capacity_kw": 12300.0, "hours": 24}},
    "run": {
        "summary": "Another weather run",
        "value": {"weather": {"source": "open_meteo", "published_at": "2014-12-01T00:00:00Z"}},
    },
}


@router.post(
    "/v1/plants/{plant_id}/what-if",
    response_class=Response,
    responses=document_of(WhatIf, "Both sides.", 404, 409, 422, 504),
)
async def what_would_be(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    asked: Annotated[WhatIfAsked, Body(openapi_examples=_WHAT_IFS)],
) -> Response:
    """The newest forecast of a registered plant beside what it would be with another capacity, without some
    units, or on other weather: both made by what the worker issues with, from the plant's state and release.
    What cannot be told from them is refused (409).
    """
    found = await what_if(given, request.scope["state"], plant_id, asked)
    return fresh(JSON, to_json(found, inf_nan_mode="null"))


_BATCHES = {
    "mixed": {
        "summary": "A place, a plant, a what-if",
        "value": {
            "items": [
                {"latitude": 48.45, "longitude": 5.6, "kind": "wind", "capacity_kw": 8200.0},
                {"plant_id": "la-haute-borne", "hours": 6},
                {"plant_id": "la-haute-borne", "what_if": {"capacity_kw": 12300.0}},
            ]
        },
    }
}


@router.post(
    "/v1/predict/batch",
    response_class=Response,
    responses=document_of(Batch, "An answer or a refusal for each item, in their order.", 422),
)
async def batch(
    request: Request,
    given: Given,
    key: Reader,
    asked: Annotated[BatchAsked, Body(openapi_examples=_BATCHES)],
) -> Response:
    """Many predictions in one call, which count as so many requests. Each item is answered or refused by
    itself; what is true of all of them, as a body that is none, refuses the whole.
    """
    charge(given, key, len(asked.items))
    results = await many(given, request.scope["state"], asked.items)
    done = sum(one["status"] == 200 for one in results)
    return fresh(
        JSON,
        to_json({"results": results, "answered": done, "refused": len(results) - done}, inf_nan_mode="null"),
    )
