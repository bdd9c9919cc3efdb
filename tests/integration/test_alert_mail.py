"""Mail over TLS with a password, to a server that may be another one than it says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from consumers.alerts.events import written
from consumers.alerts.incident import hear
from consumers.alerts.mail import MailSender
from consumers.alerts.outbox import Delivery, Later, Outcome, Sent
from consumers.alerts.rules import MailChannel, Rule
from consumers.alerts.signals import Heard, of_event
from consumers.alerts.webhook import WebhookSender
from infra.topics import ANOMALIES
from tests import output_records as made
from tests.integration import certificates
from tests.integration.live_help import free_port

PASSWORD = "a password"


class Mailbox:
    """What came, and whether it came encrypted."""

    def __init__(self) -> None:
        self.mails: list[tuple[bytes, bool]] = []

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        encrypted = server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        self.mails.append((envelope.content, encrypted))
        return "250 taken"


def allowed(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"grid", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextmanager
def server(own: certificates.Certificates, security: str) -> Iterator[tuple[Mailbox, int]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate, own.key)
    mailbox, port = Mailbox(), free_port()
    starttls = {"tls_context": context, "require_starttls": True}
    how: dict[str, Any] = starttls if security == "starttls" else {"ssl_context": context}
    controller = Controller(
        mailbox, "127.0.0.1", port, authenticator=allowed, auth_required=True,
        auth_require_tls=security == "starttls", **how,
    )  # fmt: skip
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


def delivery() -> Delivery:
    record = made.anomaly()
    signal = of_event(record, Heard(ANOMALIES, 0, 0, None, (1, record["event_time"])))
    _, (notice,) = hear(None, signal, Rule(name="a", channels=("m",)))
    now, identity = datetime.now(UTC), notice.notice_id
    event = written(notice, "/g")
    return Delivery(identity, "m", "ops@example.org", 0, 0.0, event, notice.alert.alert_id, now, identity)


def sent(channel: MailChannel, password: str, handed: list[str]) -> Outcome:
    return MailSender(channel, password).send(delivery(), lambda: handed.append("handed"))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is TLS from the first byte
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_encrypted_with_the_password_and_to_no_server_that_is_not_trusted(
    tmp_path: Path, security: Literal["starttls", "tls"]
) -> None:
    for name in ("own", "others"):
        (tmp_path / name).mkdir()
    own, others = certificates.make(tmp_path / "own"), certificates.make(tmp_path / "others")
    handed: list[str] = []
    with server(own, security) as (mailbox, port):
        good = MailChannel(
            type="mail", host="127.0.0.1", port=port, security=security, ca_file=own.authority,
            username="grid", sender="grid@example.org", to=("ops@example.org",), timeout="5s",
        )  # fmt: skip
        wrong = sent(good, "not it", handed)
        assert isinstance(wrong, Later) and "535" in wrong.why and "not it" not in wrong.why
        stranger = good.model_copy(update={"ca_file": others.authority})
        refused = sent(stranger, PASSWORD, handed)
        assert isinstance(refused, Later) and "certificate verify failed" in refused.why
        assert handed == mailbox.mails == []
        assert sent(good, PASSWORD, handed) == Sent()
    assert len(mailbox.mails) == len(handed) == 1
    content, encrypted = mailbox.mails[0]
    assert encrypted and b"Subject: [warning] outage a" in content


def test_a_server_that_is_not_there_was_handed_nothing() -> None:
    handed: list[str] = []
    channel = MailChannel(
        type="mail", host="127.0.0.1", port=free_port(), security="none",
        sender="grid@example.org", to=("ops@example.org",), timeout="1s",
    )  # fmt: skip
    assert isinstance(sent(channel, "", handed), Later)
    assert handed == []


@contextmanager
def dripping(text: bytes) -> Iterator[int]:
    """A server that answers byte by byte, each of them in time, and never comes to an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            taken, _ = listener.accept()
            with taken, suppress(OSError):
                while True:
                    for byte in text:
                        taken.sendall(bytes([byte]))
                        time.sleep(0.05)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_a_server_that_answers_byte_by_byte_holds_nobody_up() -> None:
    started = time.monotonic()
    handed: list[str] = []
    with dripping(b"220-patience ") as port:
        channel = MailChannel(
            type="mail", host="127.0.0.1", port=port, security="none",
            sender="grid@example.org", to=("ops@example.org",), timeout="200ms",
        )  # fmt: skip
        assert isinstance(sent(channel, "", handed), Later)
        assert handed == []
    with dripping(b"HTTP/1.1 200 OK\r\nx-a: b\r\n"[:-2]) as port:
        hook = WebhookSender(f"http://127.0.0.1:{port}/", "", True, 0.2)
        assert hook.send(delivery(), lambda: None) == Later("no whole answer in 0.4 s")
    assert time.monotonic() - started < 5
