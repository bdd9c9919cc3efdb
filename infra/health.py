"""A small HTTP server in a thread: `/metrics`, `/health` (alive and moving), `/ready` (work has begun)."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.metrics import exposition

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """The answer to a probe: `detail` says in plain words what is wrong, with the numbers looked at."""

    good: bool
    detail: dict[str, Any] = field(default_factory=dict)


Probe = Callable[[], Verdict]


class HealthServer:
    """Serves the probes of one process until `close`. `port` is the one that it got.

    A probe runs in the server's thread: it must only read, and must not wait.
    """

    def __init__(self, host: str, port: int, health: Probe, ready: Probe) -> None:
        probes = {"/health": health, "/ready": ready}
        self._server = _Server((host, port), _handler(probes))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()
        _log.info("metrics and health at http://%s:%d", host, self.port)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (its signature)
        """Whoever asked and hung up is no fault; socketserver would print a traceback."""
        if isinstance(sys.exc_info()[1], ConnectionError):
            _log.debug("%s hung up before it was answered", client_address)
        else:
            _log.exception("a probe could not be answered")


def _handler(probes: dict[str, Probe]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4; charset=utf-8", exposition())
            elif path in probes:
                verdict = probes[path]()
                body = json.dumps({"ok": verdict.good, **verdict.detail}).encode()
                self._answer(200 if verdict.good else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"/metrics /health /ready\n")

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            _log.debug(format, *args)

    return Handler
