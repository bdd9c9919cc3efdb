"""API keys: made, looked up, rotated, revoked. One place for the command line and for the API.

A key is `gridcast_<id>_<secret>`. The secret is 32 random bytes, so its plain SHA-256 gives nothing away that
could be searched for; a slow hash is for what people think up, and would cost every request its time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from consumers.api.audit import Actor, record
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

PREFIX: Final = "gridcast"
_LONGEST: Final = 200


class Role(StrEnum):
    """What a key may do; each may what those before it may."""

    READER = "reader"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may what `other` may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Key:
    """One row, without its secret's hash."""

    key_id: str
    name: str
    role: Role
    per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    rotated_from: str | None

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def state(self, now: datetime) -> str:
        """In a word."""
        if self.revoked_at is not None:
            return "revoked"
        return "good" if self.holds(now) else "expired"


_COLUMNS: Final = (
    "key_id, name, role, per_minute, created_at, expires_at, revoked_at, last_used_at, rotated_from"
)


def add(
    cursor: Cursor,
    name: str,
    role: Role,
    actor: Actor,
    expires_after: timedelta | None = None,
    per_minute: int | None = None,
    rotated_from: str | None = None,
) -> tuple[Key, str]:
    """Make a key; returns it and the text to hand out, which nobody can tell again."""
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise InputError(f"a key's name says whose it is, in 1 to {_LONGEST} printable characters")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    expires_at = None if expires_after is None else datetime.now(UTC) + expires_after
    cursor.execute(
        "insert into api_keys (key_id, name, role, secret_sha256, per_minute, expires_at, rotated_from)"
        f" values (%s, %s, %s, %s, %s, %s, %s) returning {_COLUMNS}",
        (key_id, name, role.value, digest(secret), per_minute, expires_at, rotated_from),
    )
    made = _only(cursor)
    told = {"name": name, "role": role.value, "expires_at": expires_at and expires_at.isoformat()}
    record(cursor, actor, "key.add" if rotated_from is None else "key.rotate", key_id, "done", told)
    return made, f"{PREFIX}_{key_id}_{secret}"


def listed(cursor: Cursor) -> list[Key]:
    """Every key, oldest first."""
    cursor.execute(f"select {_COLUMNS} from api_keys order by created_at, key_id")
    return [_key(row) for row in cursor.fetchall()]


def revoke(cursor: Cursor, key_id: str, actor: Actor) -> Key:
    """Let a key open nothing from now on. Raises `InputError` for an unknown one."""
    cursor.execute(
        "update api_keys set revoked_at = coalesce(revoked_at, now()) where key_id = %s"
        f" returning {_COLUMNS}",
        (key_id,),
    )
    gone = _only(cursor, key_id)
    record(cursor, actor, "key.revoke", key_id, "done", {"name": gone.name})
    return gone


def rotate(cursor: Cursor, key_id: str, overlap: timedelta, actor: Actor) -> tuple[Key, str]:
    """A new key in place of an old one, which goes on for `overlap` so that nobody is locked out meanwhile.

    The new one has the old one's name, role, limit and length of life.

    Raises:
        InputError: the old one is unknown, revoked or expired.
    """
    cursor.execute(f"select {_COLUMNS} from api_keys where key_id = %s for update", (key_id,))
    old, now = _only(cursor, key_id), datetime.now(UTC)
    if not old.holds(now):
        raise InputError(f"key {key_id} is {old.state(now)}: make a new one with `gridcast keys add`")
    life = None if old.expires_at is None else old.expires_at - old.created_at
    made = add(cursor, old.name, old.role, actor, life, old.per_minute, rotated_from=key_id)
    until = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    cursor.execute("update api_keys set expires_at = %s where key_id = %s", (until, key_id))
    return made


def find(cursor: Cursor, token: str) -> Key | None:
    """The key that a text is, good or not; None for any other text."""
    parts = split(token)
    if parts is None:
        return None
    cursor.execute(f"select {_COLUMNS}, secret_sha256 from api_keys where key_id = %s", (parts[0],))
    row = cursor.fetchone()
    if row is None or not hmac.compare_digest(str(row[-1]), digest(parts[1])):
        return None
    return _key(row[:-1])


def note_use(cursor: Cursor, used: dict[str, datetime]) -> None:
    """Write down when keys were last used."""
    for key_id, at in used.items():
        cursor.execute(
            "update api_keys set last_used_at = greatest(last_used_at, %s) where key_id = %s", (at, key_id)
        )


def split(token: str) -> tuple[str, str] | None:
    """Id and secret of a text that looks like a key."""
    parts = token.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or len(token) > _LONGEST or not token.isascii():
        return None
    return (parts[1], parts[2]) if parts[1].isalnum() else None


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _only(cursor: Cursor, key_id: str = "") -> Key:
    row = cursor.fetchone()
    if row is None:
        raise InputError(f"there is no key {key_id}: see `gridcast keys list`")
    return _key(row)


def _key(row: tuple[object, ...]) -> Key:
    key_id, name, role, *rest = row
    return Key(str(key_id), str(name), Role(str(role)), *rest)  # type: ignore[arg-type]
