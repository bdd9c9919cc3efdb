"""`gridcast schedule`: trains by cron expression and by trigger, and withdraws what does worse live."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

import click

from cli import schedule_desk as desk
from cli.output import emit, plain, say, table
from cli.standing import begin
from cli.stopping import until_told

_log = logging.getLogger("gridcast.schedule")
_SHOWN: Final = 20


@click.group(invoke_without_command=True, epilog="Example:  gridcast schedule --cron '0 3 * * 1'")
@click.option("--once", is_flag=True, help="Look at the triggers, act once, and end.")
@click.option("--runs", is_flag=True, help="Show the last trainings with their reasons, and end.")
@click.option("--cron", help="When to train, in UTC; '' for by trigger alone. Default: the setting.")
@click.option("--name", default="gridcast", show_default=True, help="Name of the releases.")
@click.option("--fast", is_flag=True, help="Smaller trainings, in seconds for a plant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")
@click.pass_context
def command(
    context: click.Context, once: bool, runs: bool, cron: str | None, name: str, fast: bool, as_json: bool
) -> int:
    """Keep the models good without a person, and run jobs, until SIGTERM.

    Trains by cron expression, when a champion's errors drift, when its live skill is less than its held-back
    days promised, and when there is a plant that no release knows: one training at a time, with a pause after
    each. A champion that does worse live than the one before it, which runs on as a shadow, is withdrawn. The
    settings `schedule_...` say how much of what is enough. Whatever was asked for through the API or by a
    schedule is run here too. With a subcommand: schedules and triggers.
    """
    if context.invoked_subcommand is not None:
        return 0
    from infra import settings

    asked = {} if cron is None else {"schedule_cron": cron}
    if runs:
        return _show(settings.load(), as_json)
    found = begin(None, as_json).model_copy(update=_checked(asked))
    from cli.scheduling import Schedule

    schedule = Schedule(found, _as_json if as_json else _as_log, name, fast, cron)
    with until_told() as stop:
        if once:
            return _once(schedule.once(stop.is_set), as_json)
        _log.info("running jobs, and training at %r and by trigger", found.schedule_cron)
        schedule.run(stop.is_set, stop.wait)
    return 0


def _checked(asked: dict[str, str]) -> dict[str, Any]:
    """What was asked for on the command line, by the rules of the settings."""
    from infra import settings
    from schemas.errors import SettingsError

    try:
        found = settings.load(**asked)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    return {name: getattr(found, name) for name in asked}


def _once(outcome: Any, as_json: bool) -> int:
    if outcome is None and not as_json:
        say("nothing to train for")
    if outcome is None and as_json:
        _as_json("nothing", "nothing to train for", {})
    return 1 if outcome is not None and outcome.value == "failed" else 0


def _show(found: Any, as_json: bool) -> int:
    from consumers import trainings

    rows = [training.to_json() for training in trainings.newest(found, _SHOWN)]
    shown = [{**row, "started_at": f"{row['started_at']:%Y-%m-%d %H:%M}"} for row in rows]
    emit(rows, as_json, table(shown) if shown else ["no training yet"])
    return 0


def _as_json(event: str, text: str, more: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    click.echo(json.dumps({"time": now, "event": event, "text": text, **more}, default=plain))


def _as_log(event: str, text: str, more: dict[str, Any]) -> None:  # noqa: ARG001 - a log has the sentence
    level = logging.WARNING if event in ("trouble", "failed", "rolled_back") else logging.INFO
    _log.log(level, "%s", text)


desk.attach(command)
