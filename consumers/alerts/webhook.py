"""Notices by HTTP: CloudEvents signed as Standard Webhooks says, or messages in the form that Slack takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from standardwebhooks.webhooks import Webhook

from consumers.alerts.events import CONTENT_TYPE
from consumers.alerts.outbox import Delivery, Later, Never, Outcome, Sent
from consumers.alerts.wording import slack_body

#: Answers that say: not now. Every other 4xx would be the same next time.
_NOT_NOW: Final = frozenset({408, 425, 429})
#: So many time-outs a whole attempt may take: an answer that comes byte by byte meets none of them.
_DEADLINE: Final = 2


class WebhookSender:
    """Posts to one URL. `secret`: `whsec_` and base64, or none (Slack)."""

    def __init__(self, url: str, secret: str, slack: bool, timeout_s: float) -> None:
        self._url = url
        self._signer = Webhook(secret) if secret else None
        self._slack = slack
        self._timeout_s = timeout_s
        self._tls = httpx.create_ssl_context()

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
        """Post it; the body and `webhook-id` are the same each time."""
        body = slack_body(delivery.event) if self._slack else delivery.event
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json" if self._slack else CONTENT_TYPE,
            "user-agent": "gridcast-alerts",
            "webhook-id": delivery.notice_id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._signer is not None:
            headers["webhook-signature"] = self._signer.sign(delivery.notice_id, now, body)
        handing_over()
        try:
            return asyncio.run(self._post(body, headers))
        except TimeoutError:
            return Later(f"no whole answer in {_DEADLINE * self._timeout_s:g} s")
        except httpx.TransportError as error:
            return Later(f"{type(error).__name__}: {error}")
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            return Never(f"{type(error).__name__}: {error}")

    def has_arrived(self, _delivery: Delivery) -> bool | None:
        """Nobody can tell."""
        return None

    async def _post(self, body: str, headers: dict[str, str]) -> Outcome:
        """One attempt on a connection of its own. The status says it all: what follows it is not read."""
        client = httpx.AsyncClient(timeout=self._timeout_s, verify=self._tls, follow_redirects=False)
        async with (
            asyncio.timeout(_DEADLINE * self._timeout_s),
            client,
            client.stream("POST", self._url, content=body.encode(), headers=headers) as answer,
        ):
            return judge(answer.status_code, answer.headers.get("retry-after", ""), datetime.now(UTC))


def judge(status: int, retry_after: str, now: datetime) -> Outcome:
    """What an answer means for the notice."""
    if 200 <= status < 300:
        return Sent()
    told = f"answered {status}"
    if status in _NOT_NOW or status >= 500:
        return Later(told, _wait_s(retry_after, now))
    return Never(f"{told}: it is not sent again" if status != 410 else f"{told}: the address is gone")


def _wait_s(retry_after: str, now: datetime) -> float | None:
    """Seconds or a date, as HTTP allows; None where it cannot be read."""
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((aware - now).total_seconds(), 0.0)
