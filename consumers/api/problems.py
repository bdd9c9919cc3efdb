"""Errors as problem documents (RFC 9457): what the asker can do, and nothing of what stands behind."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import psycopg2
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from schemas.errors import GridcastError, ServiceUnavailable

_log = logging.getLogger(__name__)

MEDIA: Final = "application/problem+json"
RETRY_S: Final = 5
_MOST_ERRORS: Final = 50  # a body may have a fault in every few bytes


class ProblemDocument(BaseModel):
    """What every error looks like."""

    type: str = Field("about:blank", description="What kind of problem; about:blank: what the status says.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong and what to do.", examples=["there is no plant x"])
    request_id: str = Field(description="Name it when you ask for help.", examples=["9f2c1d"])
    errors: list[dict[str, str]] | None = Field(None, description="Where parameters are wrong, and why.")


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def document(
    status: int,
    detail: str,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """The answer itself."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = errors
    return Response(json.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA)


def unforeseen(error: Exception, request_id: str) -> Response:
    """A fault of ours: all of it into the log, none of it into the answer."""
    _log.error("request %s failed", request_id, exc_info=error)
    return document(500, "this is a fault of the service; its log says more under the request_id", request_id)


def install(app: FastAPI) -> None:
    """Let the app answer every failure with a problem document."""
    app.add_exception_handler(Problem, _of_problem)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(GridcastError, _of_gridcast)
    app.add_exception_handler(psycopg2.Error, _of_postgres)


def request_id(request: Request) -> str:
    """The id that `edge.py` gave to the request."""
    return str(request.scope.get("state", {}).get("request_id", "-"))


def _of_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return document(error.status, error.detail, request_id(request), error.headers)


def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {
        400: "the body cannot be read: send what is described, JSON in UTF-8",
        404: "there is nothing here",
        405: "this address does not take this method",
    }.get(error.status_code, HTTPStatus(error.status_code).description or str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # The framework names the methods of the first route of a path; there may be one for each method.
        path = getattr(request.scope.get("route"), "path", "")
        headers["Allow"] = ", ".join(request.app.state.methods.get(path, [])) or headers.get("Allow", "")
    return document(error.status_code, detail, request_id(request), headers)


def _of_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in one["loc"]), "why": str(one["msg"])}
        for one in error.errors()[:_MOST_ERRORS]
    ]
    told = "; ".join(f"{one['where']}: {one['why']}" for one in errors[:3])
    return document(422, told or "the request is not as described", request_id(request), errors=errors)


def _of_gridcast(request: Request, error: Exception) -> Response:
    if isinstance(error, ServiceUnavailable):
        return _unavailable(request, error, "a server behind this one does not answer: try again")
    return unforeseen(error, request_id(request))


def _of_postgres(request: Request, error: Exception) -> Response:
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return _unavailable(request, error, "this takes too long: ask for a shorter range or for one plant")
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return _unavailable(request, error, "the database does not answer: try again")
    return unforeseen(error, request_id(request))


def _unavailable(request: Request, error: Exception, detail: str) -> Response:
    _log.warning("request %s: %s", request_id(request), " ".join(str(error).split()))
    return document(503, detail, request_id(request), {"Retry-After": str(RETRY_S)})
