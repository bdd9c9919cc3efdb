"""`gridcast keys`: who may ask the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, json_option, note, table
from cli.times import Duration

if TYPE_CHECKING:
    from consumers.api.audit import Actor
    from consumers.api.keys import Key

_ROLES = ("reader", "operator", "admin")


@click.group(epilog="Example:  gridcast keys add dashboard --expires 90d")
def command() -> None:
    """Keys of the HTTP API: add, list, revoke, rotate. Only a hash of each is kept."""


@command.command("add", epilog="Example:  gridcast keys add control-room --role operator --expires 90d")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(_ROLES), default="reader", show_default=True,
    help="reader reads; operator also sees logs and acts on jobs and alerts; admin also changes what serves.",
)  # fmt: skip
@click.option("--expires", type=Duration(), help="It opens nothing after so long, as 90d; default: never.")
@click.option("--per-minute", type=click.IntRange(1, 1_000_000), help="Requests a minute.")
@json_option
def add(name: str, role: str, expires: int | None, per_minute: int | None, as_json: bool) -> None:
    """Make a key for NAME and print it. It is shown this once."""
    from consumers.api import keys
    from infra.postgres import transaction

    life = None if expires is None else timedelta(seconds=expires)
    with transaction(_settings(), "gridcast-keys") as cursor:
        made, token = keys.add(cursor, name, keys.Role(role), _actor(), life, per_minute)
    _show_once(made, token, as_json)


@command.command("list", epilog="Example:  gridcast keys list --json")
@json_option
def list_(as_json: bool) -> None:
    """Every key with its role, whether it is good, and when it was last used."""
    from consumers.api import keys
    from infra.postgres import transaction

    with transaction(_settings(), "gridcast-keys") as cursor:
        rows = [_row(key) for key in keys.listed(cursor)]
    lines = [*table(rows)] if rows else ["no key yet: `gridcast keys add NAME`"]
    emit(rows, as_json, lines)


@command.command("revoke", epilog="Example:  gridcast keys revoke 3f2a9c01d4e5")
@click.argument("key_id")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """Let a key open nothing any more; a running API notices within seconds."""
    from consumers.api import keys
    from infra.postgres import transaction

    with transaction(_settings(), "gridcast-keys") as cursor:
        gone = keys.revoke(cursor, key_id, _actor())
    emit(_row(gone), as_json, [f"{gone.key_id} of {gone.name} is revoked"])


@command.command("rotate", epilog="Example:  gridcast keys rotate 3f2a9c01d4e5 --overlap 2d")
@click.argument("key_id")
@click.option(
    "--overlap", type=Duration(), default="1d", show_default=True, help="The old one goes on so long."
)
@json_option
def rotate(key_id: str, overlap: int, as_json: bool) -> None:
    """Make a new key in place of an old one, which goes on for a while; print the new one, this once."""
    from consumers.api import keys
    from infra.postgres import transaction

    with transaction(_settings(), "gridcast-keys") as cursor:
        made, token = keys.rotate(cursor, key_id, timedelta(seconds=overlap), _actor())
    _show_once(made, token, as_json)


def _show_once(made: Key, token: str, as_json: bool) -> None:
    emit({**_row(made), "key": token}, as_json, [token])
    if not as_json:
        note(f"key {made.key_id}, {made.role} of {made.name}: it is shown this once, only its hash is kept")


def _settings() -> Any:
    from infra import settings

    return settings.load()


def _actor() -> Actor:
    from cli.acting import here

    return here()


def _row(key: Key) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "state": key.state(datetime.now(UTC)),
        "per_minute": key.per_minute,
        "created": _time(key.created_at),
        "expires": _time(key.expires_at),
        "last_used": _time(key.last_used_at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
