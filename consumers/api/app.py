"""The app: its routes, what every request passes, and its life from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute, Route, Router

from consumers.api import problems
from consumers.api.answers import problems as problem_answers
from consumers.api.edge import Edge
from consumers.api.parts import Parts
from consumers.api.routes import (
    alerts,
    aliases,
    bulk,
    changes,
    events,
    fleet,
    forecasts,
    jobs,
    live,
    logs,
    plants,
    prediction_aliases,
    predictions,
    releases,
    running,
    schedules,
    scores,
    service,
)
from consumers.page.serving import router as page

if TYPE_CHECKING:
    from consumers.api.hands import Hands
    from consumers.predictions.sources import Sources
    from infra.settings import Settings

_ABOUT = """
Probabilistic power forecasts of wind and solar plants, and all that led to them. Everything here is read from
the topics and from what the sink wrote. Power is in kW, energy in kWh; times are ISO 8601 in UTC and stand at
the end of their interval. Lists come in pages (`limit`, `cursor`) as JSON,
CSV or Parquet by the Accept header, with an ETag.
"""


def create_app(settings: Settings, sources: Sources | None = None, hands: Hands | None = None) -> FastAPI:
    """The app of these settings. Nothing is asked of a server before it starts.

    `sources`: what predictions need; without them there is none of a place. `hands`: what changes releases;
    without them nothing does.
    """
    parts = Parts.of(settings, sources, hands)
    app = FastAPI(
        title="gridcast",
        version=version("gridcast"),
        description=_ABOUT.strip(),
        # The pages of FastAPI fetch their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_life,
        responses=problem_answers(400, 422),
    )
    app.state.parts = parts
    problems.install(app)
    for router in (page, service.public, aliases.public, *_closed()):
        app.include_router(router)
    app.state.methods = methods(app.routes)
    if settings.api_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.api_origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "X-API-Key",
                "If-None-Match",
                "Last-Event-ID",
                "Content-Type",
                "Idempotency-Key",
            ],
            expose_headers=["ETag", "Link", "Location", "X-Request-ID", "Retry-After"],
        )
    app.add_middleware(Edge, limits=parts.limits, requests=parts.requests, body_bytes=settings.api_body_bytes)
    _describe(app)
    return app


def _closed() -> list[APIRouter]:
    """Routers whose every route needs a key."""
    subjects = (
        service, plants, fleet, forecasts, predictions, bulk, events, alerts, scores, releases, changes, jobs,
        schedules, live, running, logs, aliases, prediction_aliases,
    )  # fmt: skip
    return [subject.router for subject in subjects]


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    parts.hub.open(asyncio.get_running_loop())
    parts.follower.start()
    try:
        yield
    finally:
        parts.hub.close()
        await asyncio.to_thread(parts.close)


def _describe(app: FastAPI) -> None:
    """OpenAPI with the models that routes name in their answers, made once."""
    routed = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = routed()
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            _, told = models_json_schema(
                [(model, "serialization") for model in _models(problems.ProblemDocument)],
                ref_template="#/components/schemas/{model}",
            )
            schemas.update(told.get("$defs", {}))
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _models(*first: type[BaseModel]) -> list[type[BaseModel]]:
    from consumers.api import documents

    own = [
        one
        for one in vars(documents).values()
        if isinstance(one, type) and issubclass(one, BaseModel) and one is not BaseModel
    ]
    return [*first, *own]


def paths(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Every path that something answers at, whether it is documented or not."""
    return (route.path for route in _leaves(routes))


def methods(routes: Iterable[BaseRoute]) -> dict[str, list[str]]:
    """By path every method that is taken there: a path may have a route for each."""
    found: dict[str, set[str]] = {}
    for route in _leaves(routes):
        found.setdefault(route.path, set()).update(route.methods or ())
    return {path: sorted(taken) for path, taken in found.items()}


def _leaves(routes: Iterable[BaseRoute]) -> Iterator[Route | APIRoute]:
    for route in routes:
        inner = getattr(route, "original_router", route)  # FastAPI keeps included routers as they are
        if isinstance(inner, Router):
            yield from _leaves(inner.routes)
        elif isinstance(route, Route | APIRoute):
            yield route
        else:
            raise TypeError(f"{type(route).__name__} is no route that a test could walk")
