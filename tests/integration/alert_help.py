"""Receivers of alerts that fail on purpose, rules that lead to them, and an alerter in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import SecretStr

from consumers.alerts.rules import Rules, read_rules
from consumers.alerts.run import run_alerter
from infra import topics
from infra.settings import Settings
from infra.topic_reader import read
from tests import output_records as made
from tests.integration.live_help import free_port
from tests.integration.sink_help import ask, send

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
QUICK = 'retry_first = "100ms"\nretry_longest = "1s"\ntimeout = "1s"\n'


@dataclass
class Request:
    """What a webhook was sent."""

    headers: dict[str, str]
    body: str

    @property
    def identity(self) -> str:
        return self.headers["webhook-id"]


class HttpReceiver:
    """Answers with what `answers` holds, in order, then with 204. `hang`: takes the body and says nothing."""

    def __init__(self, answers: tuple[int | str | tuple[int, str], ...] = (), port: int = 0) -> None:
        self.requests: list[Request] = []
        self._answers = list(answers)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> HttpReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                body = self.rfile.read(size).decode()
                if len(body.encode()) < size:
                    return  # who sent it was killed in the middle: no receiver takes that for a message
                with receiver._lock:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.requests.append(Request(headers, body))
                    answer = receiver._answers.pop(0) if receiver._answers else 204
                if answer == "hang":
                    time.sleep(2.5)
                    return
                status, wait = answer if isinstance(answer, tuple) else (answer, "")
                self.send_response(int(status))
                if wait:
                    self.send_header("Retry-After", wait)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        return Handler


class MailReceiver:
    """Takes mail; `answers` are given at the end of its data, in order, then 250. `hang`: says nothing."""

    def __init__(self, answers: tuple[str, ...] = (), refused: tuple[str, ...] = ()) -> None:
        self.mails: list[EmailMessage] = []
        self.answers = list(answers)
        self._refused = refused
        self.port = free_port()  # it asks its own port whether it is up, and knows only the one it was told
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=20)
        self._controller.start()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self._refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer == "hang":
            import asyncio

            await asyncio.sleep(2.5)
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return answer if answer != "hang" else "451 too late"

    def __enter__(self) -> MailReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


@dataclass
class Channels:
    """A file of rules, channel by channel."""

    folder: Path
    text: str = ""
    names: list[str] = field(default_factory=list)

    def webhook(self, name: str, url: str, more: str = QUICK, kind: str = "webhook") -> Channels:
        (self.folder / "secret").write_text(SECRET)
        secret = f'secret_file = "{self.folder / "secret"}"\n'
        return self._add(name, f'type = "{kind}"\nurl = "{url}"\n{secret}{more}')

    def mail(
        self, name: str, port: int, more: str = QUICK, to: tuple[str, ...] = ("ops@example.org",)
    ) -> Channels:
        listed = ", ".join(f'"{one}"' for one in to)
        where = f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        return self._add(name, f'type = "mail"\n{where}sender = "grid@example.org"\nto = [{listed}]\n{more}')

    def topic(self, name: str = "grid", more: str = QUICK) -> Channels:
        return self._add(name, f'type = "topic"\n{more}')

    def path(self, rules: str = "") -> Path:
        path = self.folder / "alerts.toml"
        told = ", ".join(f'"{name}"' for name in self.names)
        rule = rules or f'[[rule]]\nname = "all"\nclear_after = "500ms"\nchannels = [{told}]\n'
        path.write_text(self.text + rule)
        return path

    def rules(self, rules: str = "") -> Rules:
        return read_rules(self.path(rules))

    def _add(self, name: str, body: str) -> Channels:
        self.text += f"[channel.{name}]\n{body}\n"
        self.names.append(name)
        return self


class RunningAlerter:
    """An alerter in a thread; `error` is what it ended with."""

    def __init__(self, settings: Settings, rules: Rules) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(settings, rules), daemon=True)
        self._thread.start()

    def _run(self, settings: Settings, rules: Rules) -> None:
        try:
            run_alerter(settings, rules, self._stop.is_set)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.error = error

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@contextmanager
def alerter(settings: Settings, rules: Rules) -> Iterator[RunningAlerter]:
    """An alerter while the block runs; what it fails with is raised at its end."""
    running = RunningAlerter(settings, rules)
    try:
        yield running
    finally:
        running.stop()
    if running.error is not None:
        raise running.error


def now_ms() -> int:
    return round(time.time() * 1000)


def events(settings: Settings, *records: dict[str, Any]) -> None:
    """Events of now to the topic."""
    send(settings, ("AnomalyEvent", list(records)))


def event(plant_id: str, sequence: int = 0, phase: str = "open", **fields: Any) -> dict[str, Any]:
    """A record of an event that is happening."""
    at = fields.pop("at", now_ms())
    found = made.anomaly(plant_id, sequence, phase, **{"started_at": at, "event_time": at, **fields})
    return found | {"known_at": at}


def told(settings: Settings, topic: str = topics.ALERTS) -> list[dict[str, Any]]:
    """The CloudEvents of a topic."""
    return [json.loads(message.value()) for batch in read(settings, topic) for message in batch]


def delivered(settings: Settings) -> bool:
    """Whether every event was heard and every notice has come to its end."""
    open_ = ask(settings, "select count(*) from alert_deliveries where state in ('waiting', 'handed')")
    return open_ == [(0,)]


def states(settings: Settings) -> dict[tuple[str, str], list[str]]:
    """By channel and address, the states of its deliveries in the order of their notices."""
    found: dict[tuple[str, str], list[str]] = {}
    rows = ask(
        settings,
        "select channel, target, state from alert_deliveries join alert_notices using (notice_id)"
        " order by made_at, notice_id",
    )
    for channel, target, state in rows:
        found.setdefault((channel, target), []).append(state)
    return found


def with_secret(settings: Settings) -> Settings:
    return settings.model_copy(update={"alerts_webhook_secret": SecretStr(SECRET)})
