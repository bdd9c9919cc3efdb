"""Predictions on request: of any place, of a registered plant."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response

from consumers.api.answers import document_of, problems, told
from consumers.api.documents import Prediction
from consumers.api.gate import Reader
from consumers.api.parts import Given
from consumers.api.predictions import predict
from consumers.predictions.asked import Asked
from consumers.predictions.told import columns, rows

router = APIRouter(tags=["predictions"], responses=problems(401, 403, 429, 503))

_EXAMPLES = {
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
    request: Request, given: Given, _key: Reader, asked: Annotated[Asked, Body(openapi_examples=_EXAMPLES)]
) -> Response:
    """What a plant will give: of a registered one its newest forecast, of any place the physical start on
    live weather, as a worker has it for a plant that nothing was trained on.
    """
    found = await predict(given, request.scope["state"], asked)
    return told(request, found, rows(found), columns(found))
