"""What every request passes first and every answer last, whatever route: its id, limits, headers, log.

Plain ASGI, so that a stream of events goes through unbuffered.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders

from consumers.api import problems
from consumers.api.requests import Asked
from infra import metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from consumers.api.limits import Limits
    from consumers.api.requests import RequestLog

_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Answers are of a key: nobody in between keeps them, and who asked asks again with the ETag.
    "Cache-Control": "private, no-cache",
}
#: Probes come from one address, often, and must be answered.
UNLIMITED: Final = frozenset({"/health", "/ready"})


class _TooLarge(Exception):
    pass


class Edge:
    """Wraps the whole app."""

    def __init__(self, app: ASGIApp, limits: Limits, requests: RequestLog, body_bytes: int) -> None:
        self._app = app
        self._limits = limits
        self._requests = requests
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id)
            await send(message)

        try:
            await self._guarded(scope, headers, receive, told)
        except Exception as error:
            if status:
                raise  # half of an answer is out; the server ends the connection
            await problems.unforeseen(error, request_id)(scope, receive, told)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    async def _guarded(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        request_id = scope["state"]["request_id"]
        if scope["path"] not in UNLIMITED:
            wait_s = self._limits.of_address(address(scope))
            if wait_s is not None:
                metrics.API_REFUSED.labels("address_rate").inc()
                refusal = problems.document(
                    429, "too many requests from this address", request_id, {"Retry-After": str(wait_s)}
                )
                await refusal(scope, receive, send)
                return
        declared = headers.get("content-length", "0")
        try:
            if not declared.isdecimal() or int(declared) > self._body_bytes:
                raise _TooLarge
            await self._app(scope, self._bounded(receive), send)
        except _TooLarge:
            metrics.API_REFUSED.labels("body").inc()
            detail = f"the body may have {self._body_bytes} bytes at most"
            await problems.document(413, detail, request_id, {"Connection": "close"})(scope, receive, send)

    def _bounded(self, receive: Receive) -> Receive:
        """The body in its pieces, whatever length was declared."""
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._body_bytes:
                raise _TooLarge
            return message

        return bounded

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.API_REQUESTS.labels(route, method, str(status)).inc()
        metrics.API_SECONDS.labels(route).observe(seconds)
        state = scope["state"]
        self._requests.add(
            Asked.now(
                request_id=state["request_id"],
                address=address(scope),
                key_id=state.get("key_id", ""),
                method=method,
                path=scope["path"][:500],
                status=status,
                milliseconds=round(1000 * seconds, 2),
            )
        )


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def address(scope: Scope) -> str:
    """Who asks; behind a proxy of `api_proxies` the one that it names."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex


def _add_headers(message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = request_id
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
