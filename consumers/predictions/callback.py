"""Telling somebody's address that a job is over, signed as the webhooks of alerts are.

Only hosts that `api_callback_hosts` names are ever told: what an asker writes must not make this machine
knock at doors inside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from consumers.alerts.outbox import Delivery, Later, Sent
from consumers.alerts.webhook import WebhookSender
from schemas.errors import InputError

if TYPE_CHECKING:
    from infra.settings import Settings

TIMEOUT_S: Final = 10.0
_ATTEMPTS: Final = 5
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_LOOK_S: Final = 0.2
LONGEST_URL: Final = 1000


class CallbackRefused(InputError):
    """It cannot be told, or was not taken."""


def expect_allowed(settings: Settings, url: str) -> None:
    """Raise `CallbackRefused` for an address that must not be told."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise CallbackRefused("the callback is no address") from error
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable():
        raise CallbackRefused("the callback must be as https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise CallbackRefused("the callback may hold no password and no fragment")
    if host.lower() not in {one.lower() for one in settings.api_callback_hosts}:
        raise CallbackRefused(f"{host} is not among the hosts that may be called back (api_callback_hosts)")
    if not settings.alerts_webhook_secret.get_secret_value():
        raise CallbackRefused("there is no secret to sign callbacks with (alerts_webhook_secret)")


def tell(
    settings: Settings, url: str, job_id: int, result: Mapping[str, Any], check: Callable[[], None]
) -> str:
    """Say what came of a job, again where it is not taken at once; `webhook-id` is the same each time.

    Args:
        check: is called while it waits, and may raise to end it.

    Raises:
        CallbackRefused: nobody has taken it.
    """
    expect_allowed(settings, url)
    sender = WebhookSender(url, settings.alerts_webhook_secret.get_secret_value(), False, TIMEOUT_S)
    delivery = _delivery(job_id, result)
    for attempt in range(1, _ATTEMPTS + 1):
        outcome = sender.send(delivery, check)
        if isinstance(outcome, Sent):
            return "delivered"
        if not isinstance(outcome, Later) or attempt == _ATTEMPTS:
            raise CallbackRefused(outcome.why)
        _wait(min(outcome.wait_s or _FIRST_WAIT_S * 2.0 ** (attempt - 1), _LONGEST_WAIT_S), check)
    raise AssertionError("it was tried")


def _wait(seconds: float, check: Callable[[], None]) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        check()
        time.sleep(_LOOK_S)


def _delivery(job_id: int, result: Mapping[str, Any]) -> Delivery:
    name = f"job-{job_id}"
    now = datetime.now(UTC)
    attributes: dict[str, Any] = {
        "id": name,
        "source": "gridcast",
        "type": "gridcast.job.done.v1",
        "subject": str(job_id),
        "time": now,
        "datacontenttype": "application/json",
    }
    data = {"job_id": job_id, "result": f"/v1/predict/jobs/{job_id}/result", **result}
    event = JSONFormat().write(CloudEvent(attributes, data)).decode()
    return Delivery(name, "callback", "", 0, 0.0, event, name, now, name)
