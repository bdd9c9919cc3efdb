"""The trail of actions: who did what, and what came of it. A row is added in the action's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


@dataclass(frozen=True)
class Actor:
    """Who acts: a key through the API, or a user of the machine on the command line."""

    who: str
    key_id: str | None = None
    request_id: str | None = None
    address: str | None = None


def record(
    cursor: Cursor,
    actor: Actor,
    action: str,
    subject: str,
    outcome: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a row. `action` is `thing.verb`; `subject` what it was done to."""
    cursor.execute(
        "insert into api_audit (who, key_id, action, subject, outcome, request_id, address, detail)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            actor.who, actor.key_id, action, subject, outcome, actor.request_id, actor.address,
            json.dumps(detail or {}, allow_nan=False),
        ),
    )  # fmt: skip
