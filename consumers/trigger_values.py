"""The triggers of retraining as a person has set them, over what the settings say.

A value that is set here holds for every `gridcast schedule` of the deployment from its next look on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from infra.settings import Settings
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

_PREFIX: Final = "schedule_"
NAMES: Final = (
    "cron", "cooldown_s", "hold_back_days", "drift", "new_plant_days", "skill_factor", "live_days",
    "rollback", "rollback_factor",
)  # fmt: skip


@dataclass(frozen=True)
class TriggerValue:
    """One value: what holds, what the settings say, and who has set it when (None: nobody has)."""

    name: str
    value: Any
    configured: Any
    about: str
    changed_at: datetime | None
    changed_by: str | None


def listed(cursor: Cursor, settings: Settings) -> list[TriggerValue]:
    """Every value that can be set."""
    cursor.execute("select name, value, changed_at, changed_by from trigger_values")
    rows = {name: (value, at, by) for name, value, at, by in cursor.fetchall()}
    return [_told(settings, name, rows.get(name)) for name in NAMES]


def put(cursor: Cursor, settings: Settings, name: str, value: Any, by: str) -> TriggerValue:
    """Set a value. Raises `InputError` for an unknown name, or a value that the setting does not admit."""
    _known(name)
    with_values(settings, {name: value})
    cursor.execute(
        "insert into trigger_values (name, value, changed_by) values (%s, %s, %s)"
        " on conflict (name) do update"
        " set value = excluded.value, changed_at = now(), changed_by = excluded.changed_by",
        (name, json.dumps(value), by),
    )
    return next(one for one in listed(cursor, settings) if one.name == name)


def clear(cursor: Cursor, settings: Settings, name: str) -> TriggerValue:
    """Let a value be what the settings say. Raises `InputError` for an unknown name."""
    _known(name)
    cursor.execute("delete from trigger_values where name = %s", (name,))
    return _told(settings, name, None)


def in_force(cursor: Cursor, settings: Settings) -> Settings:
    """The settings with what was set over them."""
    cursor.execute("select name, value from trigger_values")
    return with_values(settings, {name: value for name, value in cursor.fetchall() if name in NAMES})


def with_values(settings: Settings, values: dict[str, Any]) -> Settings:
    """The settings with these values. Raises `InputError` for one that they do not admit."""
    # Each by itself, strictly: "yes" is no number of days, and the other settings are not looked at again.
    changes = {}
    for name, value in values.items():
        field = _PREFIX + name
        try:
            Settings.__pydantic_validator__.validate_assignment(
                Settings.model_construct(), field, value, strict=True
            )
        except ValidationError as error:
            why = "; ".join(one["msg"] for one in error.errors())
            raise InputError(f"{name} cannot be {_short(value)}: {why}") from None
        if isinstance(value, float) and not isfinite(value):
            raise InputError(f"{name} cannot be {_short(value)}: it must be a finite number")
        changes[field] = value
    return settings.model_copy(update=changes)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _known(name: str) -> None:
    if name not in NAMES:
        raise InputError(f"there is no value {name!r} of the triggers; there are {', '.join(NAMES)}")


def _told(settings: Settings, name: str, row: tuple[Any, datetime, str] | None) -> TriggerValue:
    field = Settings.model_fields[_PREFIX + name]
    configured = getattr(settings, _PREFIX + name)
    value, at, by = row or (configured, None, None)
    return TriggerValue(name, value, configured, field.description or "", at, by)
