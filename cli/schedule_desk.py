"""`gridcast schedule list|add|change|...`: schedules and triggers, as a person sets them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from cli.output import emit, json_option, table
from infra import settings

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from consumers.jobs.schedules import Schedule
    from consumers.trigger_values import TriggerValue

_SHOWN: Final = 20


class _Order(click.ParamType):
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            found = json.loads(value)
        except ValueError as error:
            self.fail(f"it is no JSON: {error}", param, ctx)
        return found if isinstance(found, dict) else self.fail("it is no JSON object", param, ctx)


class _Value(click.ParamType):
    """JSON where it is some, else the text itself: `14`, `true`, `0 3 * * 1`."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        try:
            return json.loads(value)
        except ValueError:
            return value


_order = click.option(
    "--order", type=_Order(), help='What its trainings are, as JSON: \'{"fast": true, "plants": ["a"]}\'.'
)


@click.command("list", epilog="Example:  gridcast schedule list")
@json_option
def list_(as_json: bool) -> None:
    """Every schedule, and when it asks for a training the next time."""
    from consumers.jobs import schedules

    with _desk("") as cursor:
        rows = [_row(one) for one in schedules.listed(cursor)]
    emit(rows, as_json, table(rows) if rows else ["no schedule; the triggers train all the same"])


@click.command("add", epilog="Example:  gridcast schedule add nightly '0 2 * * *'")
@click.argument("name")
@click.argument("cron")
@_order
@click.option("--paused", is_flag=True, help="Make it, and let it wait.")
@json_option
def add(name: str, cron: str, order: dict[str, Any] | None, paused: bool, as_json: bool) -> None:
    """A training by cron expression (UTC), whatever the triggers say."""
    from consumers.jobs import schedules
    from consumers.jobs.names import TRAIN

    with _desk("schedule.make", name) as cursor:
        made = schedules.make(cursor, name, cron, TRAIN, order or {}, getpass.getuser(), paused)
    _say(made, as_json)


@click.command("change", epilog="Example:  gridcast schedule change nightly --cron '0 4 * * *'")
@click.argument("name")
@click.option("--cron", help="When it asks from now on, in UTC.")
@_order
@json_option
def change(name: str, cron: str | None, order: dict[str, Any] | None, as_json: bool) -> None:
    """Change when a schedule asks, or what for."""
    _change(name, as_json, cron=cron, arguments=order)


@click.command("pause", epilog="Example:  gridcast schedule pause nightly")
@click.argument("name")
@json_option
def pause(name: str, as_json: bool) -> None:
    """Let a schedule ask for nothing until it is resumed."""
    _change(name, as_json, paused=True)


@click.command("resume", epilog="Example:  gridcast schedule resume nightly")
@click.argument("name")
@json_option
def resume(name: str, as_json: bool) -> None:
    """Let a schedule ask again, from its next time on."""
    _change(name, as_json, paused=False)


@click.command("remove", epilog="Example:  gridcast schedule remove nightly")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Take a schedule away."""
    from consumers.jobs import schedules

    with _desk("schedule.remove", name) as cursor:
        gone = schedules.remove(cursor, name)
    emit(_row(gone), as_json, [f"schedule {name} is gone"])


@click.command("history", epilog="Example:  gridcast schedule history nightly")
@click.argument("name")
@json_option
def history(name: str, as_json: bool) -> None:
    """When a schedule asked lately, for which job, and what became of that."""
    from consumers.jobs import schedules

    with _desk("") as cursor:
        rows = [asdict(one) for one in schedules.runs(cursor, name, _SHOWN)]
    emit(rows, as_json, table([_minutes(row) for row in rows]) if rows else [f"{name} has not asked yet"])


@click.command("triggers", epilog="Example:  gridcast schedule triggers")
@json_option
def triggers(as_json: bool) -> None:
    """What the triggers go by: the settings, and what was set over them."""
    from consumers import trigger_values

    found = settings.load()
    with _desk("") as cursor:
        rows = [_value(one) for one in trigger_values.listed(cursor, found)]
    emit(rows, as_json, table(rows))


@click.command("set", epilog="Example:  gridcast schedule set skill_factor 1.3")
@click.argument("name")
@click.argument("value", type=_Value())
@json_option
def set_(name: str, value: Any, as_json: bool) -> None:
    """Set a value of the triggers, over the settings, for every schedule of this deployment."""
    from consumers import trigger_values

    found = settings.load()
    with _desk("trigger.set", name, {"value": value}) as cursor:
        row = _value(trigger_values.put(cursor, found, name, value, getpass.getuser()))
    emit(row, as_json, [f"{name} is {row['value']!r} from the next look on"])


@click.command("unset", epilog="Example:  gridcast schedule unset skill_factor")
@click.argument("name")
@json_option
def unset(name: str, as_json: bool) -> None:
    """Let a value of the triggers be what the settings say again."""
    from consumers import trigger_values

    found = settings.load()
    with _desk("trigger.unset", name) as cursor:
        row = _value(trigger_values.clear(cursor, found, name))
    emit(row, as_json, [f"{name} is {row['value']!r} again, as the settings say"])


def attach(group: click.Group) -> None:
    """Make all of them subcommands of a group."""
    for one in (list_, add, change, pause, resume, remove, history, triggers, set_, unset):
        group.add_command(one)


def _change(name: str, as_json: bool, **changes: Any) -> None:
    from consumers.jobs import schedules

    with _desk("schedule.change", name, changes) as cursor:
        changed = schedules.change(cursor, name, getpass.getuser(), **changes)
    _say(changed, as_json)


@contextmanager
def _desk(action: str, subject: str = "", detail: dict[str, Any] | None = None) -> Iterator[Cursor]:
    """A transaction, with its row in the audit trail where it acts."""
    from cli.acting import here
    from consumers.api.audit import record
    from infra.postgres import transaction

    with transaction(settings.load(), "gridcast-schedule-desk") as cursor:
        yield cursor
        if action:
            record(cursor, here(), action, subject, "done", detail)


def _say(one: Schedule, as_json: bool) -> None:
    state = "is paused" if one.paused else f"asks next at {one.next_at:%Y-%m-%d %H:%M} UTC"
    emit(_row(one), as_json, [f"schedule {one.name} ({one.cron}) {state}"])


def _row(one: Schedule) -> dict[str, Any]:
    return {
        "name": one.name,
        "cron": one.cron,
        "kind": one.kind,
        "order": json.dumps(one.arguments),
        "paused": one.paused,
        "next_at": None if one.paused else f"{one.next_at:%Y-%m-%d %H:%M}",
        "changed_by": one.changed_by,
    }


def _value(one: TriggerValue) -> dict[str, Any]:
    return {
        "name": one.name,
        "value": one.value,
        "configured": one.configured,
        "set_by": one.changed_by,
        "about": one.about,
    }


def _minutes(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value
        for name, value in row.items()
    }
