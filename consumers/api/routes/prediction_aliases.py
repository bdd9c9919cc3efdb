"""Predictions under the paths that clients of other services ask for; `/v1/predict` is what stands behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Query, Request, Response

from consumers.api.answers import document_of, problems, tabular, told
from consumers.api.documents import Prediction
from consumers.api.gate import KeyFirst, Reader
from consumers.api.parts import Given
from consumers.api.predictions import predict
from consumers.api.problems import Problem
from consumers.api.routes.aliases import COLD_START, NAMES, Model
from consumers.api.routes.predictions import EXAMPLES
from consumers.predictions.asked import DEFAULT_H, FURTHEST_H, Asked, PlaceAsked
from consumers.predictions.told import columns, rows, shortened

router = APIRouter(tags=["aliases"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

SINGLE_STEP: Final = "single_step"
DEFAULT_KW: Final = 1000.0


@router.post(
    "/predict/{model}",
    response_class=Response,
    responses=document_of(Prediction, "The prediction.", 404, 406, 409, 422, 504, tables=True),
)
async def by_model(
    request: Request,
    given: Given,
    _key: Reader,
    model: Model,
    asked: Annotated[Asked, Body(openapi_examples=EXAMPLES)],
) -> Response:
    """As POST /v1/predict: `single_step` the next interval alone, `multi_step` and `multi_model_residual` all
    of them. The name of a release answers where that release made the newest forecast, else it is a 409.
    """
    found = await predict(given, request.scope["state"], asked)
    _expect_model(model, found["metadata"])
    short = shortened(found, 1) if model == SINGLE_STEP else found
    return told(request, short, rows(short), columns(short))


@router.get(
    "/api/v1/predict/{kind}",
    response_class=Response,
    responses=document_of(Prediction, "The prediction.", 404, 406, 422, 504, tables=True),
)
async def of_kind(
    request: Request,
    given: Given,
    _key: Reader,
    kind: Literal["solar", "wind"],
    location_lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, description="Degrees north.")],
    location_lng: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, description="Degrees east.")],
    hours: Annotated[int, Query(ge=1, le=FURTHEST_H, description="How far ahead [h].")] = DEFAULT_H,
    capacity_kw: Annotated[
        float, Query(gt=0, le=1e8, allow_inf_nan=False, description="Nameplate capacity [kW].")
    ] = DEFAULT_KW,
) -> Response:
    """As POST /v1/predict of a place; without `capacity_kw` of a plant of 1,000 kW."""
    asked = PlaceAsked(
        latitude=location_lat, longitude=location_lng, kind=kind, capacity_kw=capacity_kw, hours=hours
    )
    found = await predict(given, request.scope["state"], asked)
    return tabular(request, found, rows(found), columns(found))


def _expect_model(model: str, metadata: Mapping[str, Any]) -> None:
    """A name that is no common one must be that of the release which has answered."""
    if model in NAMES or model == metadata["model"]:
        return
    if metadata["model"] == COLD_START:
        raise Problem(
            409, f"{model} knows nothing of it: it was answered by the physical start ({COLD_START})"
        )
    raise Problem(409, f"the plant is served by {metadata['model']}: ask for that one, or for multi_step")
