"""Notices by mail: SMTP with STARTTLS or TLS, one message an address."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from consumers.alerts.outbox import Delivery, Later, Never, Outcome, Sent
from consumers.alerts.rules import MailChannel
from consumers.alerts.wording import data_of, headline, lines

#: So many time-outs a whole attempt may take: a server that answers byte by byte meets none of them.
_DEADLINE: Final = 5
#: How mail says "not now" (RFC 5321, 4.2.1); 5yz is "never".
_NOT_NOW: Final = range(400, 500)


class MailSender:
    """Sends through one server. `password`: empty where none is needed."""

    def __init__(self, channel: MailChannel, password: str) -> None:
        self._channel = channel
        self._password = password
        self._context = ssl.create_default_context(cafile=channel.ca_file)

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
        """Send it; `Message-ID` and `Date` are the same each time, as is every byte that a person sees."""
        server = self._client()
        deadline = threading.Timer(_DEADLINE * self._channel.timeout_s, _break_off, (server,))
        deadline.start()
        try:
            server.connect(self._channel.host, self._channel.port)
            with server:
                return self._sent(server, delivery, handing_over)
        # What is wrong with the session (name, password, certificate) says nothing about this notice.
        except (smtplib.SMTPException, OSError) as error:
            return Later(f"{type(error).__name__}: {error}"[:500])
        finally:
            deadline.cancel()
            server.close()

    def has_arrived(self, _delivery: Delivery) -> bool | None:
        """Nobody can tell."""
        return None

    def _client(self) -> smtplib.SMTP:
        """A client that has not connected yet, so that it can be broken off from its first byte on."""
        timeout_s = self._channel.timeout_s
        tls = self._channel.security == "tls"
        made = (
            smtplib.SMTP_SSL(timeout=timeout_s, context=self._context)
            if tls
            else smtplib.SMTP(timeout=timeout_s)
        )
        # The certificate is checked for this name; a constructor that is told it connects at once.
        made._host = self._channel.host  # type: ignore[attr-defined]
        return made

    def _sent(self, server: smtplib.SMTP, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
        """Everything that commits to nothing comes before `handing_over`."""
        channel = self._channel
        if channel.security == "starttls":
            server.starttls(context=self._context)
        server.ehlo_or_helo_if_needed()
        if channel.username:
            server.login(channel.username, self._password)
        for code, said in (server.mail(channel.sender), server.rcpt(delivery.target)):
            if code not in (250, 251):
                return _judged(code, said)
        handing_over()
        code, said = server.data(self.message(delivery).as_bytes(policy=SMTP))
        return Sent() if code == 250 else _judged(code, said)

    def message(self, delivery: Delivery) -> EmailMessage:
        """The whole mail. Those of one alert form one thread."""
        data = data_of(delivery.event)
        domain = self._channel.sender.rpartition("@")[2]
        made = EmailMessage()
        made["Message-ID"] = f"<{delivery.notice_id}@{domain}>"
        made["Date"] = format_datetime(delivery.made_at)
        made["From"] = self._channel.sender
        made["To"] = delivery.target
        made["Subject"] = headline(data)
        made["Auto-Submitted"] = "auto-generated"
        if delivery.notice_id != delivery.first_notice_id:
            made["In-Reply-To"] = made["References"] = f"<{delivery.first_notice_id}@{domain}>"
        made["X-Gridcast-Alert"] = delivery.alert_id
        made.set_content("\n".join(lines(data)) + "\n", cte="quoted-printable")
        return made


def _break_off(server: smtplib.SMTP) -> None:
    """End whatever another thread waits for."""
    if server.sock is not None:
        with suppress(OSError):
            server.sock.shutdown(socket.SHUT_RDWR)


def _judged(code: int, said: bytes | str) -> Outcome:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    told = f"answered {code} {' '.join(text.split())}"[:500]
    # -1 is smtplib's word for a connection that broke.
    return Later(told) if code in _NOT_NOW or code < 200 else Never(told)
