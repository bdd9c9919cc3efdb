"""Channels of the rules as senders, with their secrets."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumers.alerts.courier import Courier, Sender
from consumers.alerts.mail import MailSender
from consumers.alerts.outbox import Outbox, Patience
from consumers.alerts.rules import DEAD, Channel, MailChannel, Rules, TopicChannel
from consumers.alerts.store import SESSION
from consumers.alerts.topic import TopicSender
from consumers.alerts.webhook import WebhookSender
from infra import topics
from infra.postgres import connect
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from infra.settings import Settings

_LEAST_SILENT_S: Final = 5.0
#: As Standard Webhooks asks.
_LEAST_BYTES: Final = 24
#: Dead letters have nowhere else to go: they are tried for ever.
_DEAD_TIMEOUT_S: Final = 10.0
_DEAD_PATIENCE: Final = Patience(1.0, 60.0, float("inf"))


def couriers(settings: Settings, rules: Rules, limits_s: Mapping[str, float]) -> list[Courier]:
    """One for each channel, and one for dead letters. Raises `SettingsError` where a secret is missing.

    `limits_s`: what PostgreSQL ends by itself.
    """
    made = [
        _courier(
            name,
            channel,
            sender(settings, name, channel),
            _connect(settings, limits_s, channel.timeout_s),
        )
        for name, channel in rules.channel.items()
    ]
    dead = TopicSender(settings, topics.ALERTS_DEAD, _DEAD_TIMEOUT_S)
    outbox = Outbox(_connect(settings, limits_s, _DEAD_TIMEOUT_S), DEAD, _DEAD_PATIENCE)
    return [*made, Courier(outbox, dead, "again", _DEAD_TIMEOUT_S)]


def sender(settings: Settings, name: str, channel: Channel) -> Sender:
    """The way out of one channel."""
    if isinstance(channel, TopicChannel):
        return TopicSender(settings, topics.ALERTS, channel.timeout_s)
    if isinstance(channel, MailChannel):
        own = channel.password_file and secret_of(channel.password_file, name)
        password = own or settings.alerts_smtp_password.get_secret_value()
        if channel.username and not password:
            raise SettingsError(
                f"channel {name}: no password for {channel.username}: set password_file or"
                " GRIDCAST_ALERTS_SMTP_PASSWORD"
            )
        return MailSender(channel, password)
    own = channel.secret_file and secret_of(channel.secret_file, name)
    secret = own or (settings.alerts_webhook_secret.get_secret_value() if channel.type == "webhook" else "")
    if channel.type == "webhook" and not secret:
        raise SettingsError(
            f"channel {name}: no secret to sign with: set secret_file or GRIDCAST_ALERTS_WEBHOOK_SECRET"
        )
    if secret and not _is_good(secret):  # without quoting it
        raise SettingsError(
            f"channel {name}: the secret must be whsec_ and {_LEAST_BYTES} bytes or more in base64"
        )
    url = channel.url or secret_of(channel.url_file or Path(), name)
    return WebhookSender(url, secret, channel.type == "slack", channel.timeout_s)


def secret_of(path: Path, name: str) -> str:
    """What stands in a file and nothing else."""
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"channel {name}: {path} cannot be read: {why}") from None
    if not found:
        raise SettingsError(f"channel {name}: {path} is empty")
    return found


def _is_good(secret: str) -> bool:
    prefix, _, key = secret.rpartition("_")
    try:
        return prefix == "whsec" and len(base64.b64decode(key, validate=True)) >= _LEAST_BYTES
    except ValueError:
        return False


def _courier(name: str, channel: Channel, way: Sender, connected: Callable[[], Connection]) -> Courier:
    patience = Patience(channel.retry_first_s, channel.retry_longest_s, channel.give_up_after_s)
    return Courier(Outbox(connected, name, patience), way, channel.after_crash, channel.timeout_s)


def _connect(settings: Settings, limits_s: Mapping[str, float], timeout_s: float) -> Callable[[], Connection]:
    """Connections of a sender, which asks PostgreSQL every second, or after an attempt of several time-outs.
    One that does not was stopped, or its host is gone: PostgreSQL ends the session, and the channel is free.
    """
    silent_s = max(_LEAST_SILENT_S, 10 * timeout_s)
    return partial(connect, settings, SESSION, {**limits_s, "idle_session_timeout": silent_s})
