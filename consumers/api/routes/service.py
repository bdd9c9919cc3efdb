"""Is it there, does it work, what is it: for probes and for Prometheus."""

from __future__ import annotations

import time
from importlib.metadata import version as installed
from typing import Any, Final

import psycopg2
from fastapi import APIRouter, Response

from consumers.api.answers import problems
from consumers.api.documents import Health, Ready, Version
from consumers.api.gate import KeyFirst, Reader
from consumers.api.parts import Given, Parts
from infra.metrics import exposition
from schemas.errors import GridcastError

public = APIRouter(tags=["service"])
router = APIRouter(tags=["service"], route_class=KeyFirst)

EXPOSED: Final[dict[int | str, Any]] = {
    200: {"description": "Every metric.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **problems(401, 403, 429, 503),
}


@public.get("/health", responses={503: {"model": Health, "description": "It stands still."}})
async def health(given: Given, response: Response) -> Health:
    """Alive and moving; 503 where its ear on Kafka stands still."""
    alive = given.follower.alive
    response.status_code = 200 if alive else 503
    return Health(
        ok=alive,
        uptime_s=round(time.monotonic() - given.started_s, 1),
        follows_kafka=alive and given.follower.trouble is None,
    )


@public.get("/ready", responses={503: {"model": Ready, "description": "Not yet, or not now."}})
def ready(given: Given, response: Response) -> Ready:
    """200 once the newest forecasts are in memory and PostgreSQL answers."""
    database = _answers(given)
    ok = given.follower.whole and database
    response.status_code = 200 if ok else 503
    return Ready(ok=ok, forecasts=given.follower.whole, database=database)


def _answers(given: Parts) -> bool:
    try:
        with given.database.reading() as cursor:
            cursor.execute("select 1 from api_keys limit 1")
    except (GridcastError, psycopg2.Error):
        return False
    return True


@public.get("/version")
async def version() -> Version:
    """Of gridcast, and of this interface."""
    return Version(gridcast=installed("gridcast"), api="v1")


@router.get(
    "/metrics",
    response_class=Response,
    responses=EXPOSED,
)
async def metrics(_key: Reader) -> Response:
    """In Prometheus' text format."""
    return Response(exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
