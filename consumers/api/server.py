"""The app on a port, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

import uvicorn

from consumers.api.app import create_app
from schemas.errors import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from consumers.api.hands import Hands
    from consumers.predictions.sources import Sources
    from infra.settings import Settings

_log = logging.getLogger(__name__)
#: How long answers that are being written may go on after SIGTERM; streams are ended at once.
_GRACE_S: Final = 10
_BACKLOG: Final = 1024


class _Server(uvicorn.Server):
    """Ends with a return, not with the signal, and tells the streams first: it would wait for them."""

    on_stop: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        wanted = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, self._stop) for number in wanted]
        try:
            yield
        finally:
            for number, handler in zip(wanted, before, strict=True):
                signal.signal(number, handler)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        _log.info("stopping: %s", signal.Signals(number).name)
        self.should_exit = True
        self.on_stop()


def serve(
    settings: Settings,
    listening: Callable[[str], None],
    sources: Sources | None = None,
    hands: Hands | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT. `listening` is told the address before the first answer.

    Raises:
        InputError: the address cannot be listened on.
    """
    app = create_app(settings, sources, hands)
    with _listener(settings) as listener:
        host, port = listener.getsockname()[:2]
        listening(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        server = _Server(configured(app, settings))
        server.on_stop = app.state.parts.hub.close
        server.run([listener])


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # `edge.py` writes one that knows more
        server_header=False,
        proxy_headers=bool(settings.api_proxies),
        forwarded_allow_ips=settings.api_proxies or None,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=64 << 10,
        lifespan="on",
    )


def _listener(settings: Settings) -> socket.socket:
    host, port = settings.api_host, settings.api_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
