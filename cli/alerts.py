"""`gridcast alerts`: tell of events, drift and stalls; and what a person does with alerts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, iso, json_log_option, json_option, note, say, table
from cli.standing import begin, give_up_option, metrics_port_option
from cli.stopping import until_told

if TYPE_CHECKING:
    from consumers.alerts.incident import Alert

rules_option = click.option(
    "--rules", type=click.Path(dir_okay=False, path_type=Path), help="Instead of the setting alerts_file."
)


@click.group(invoke_without_command=True, epilog="Example:  gridcast alerts --rules alerts.toml")
@rules_option
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Where retention ate records before they were heard, go on without them.",
)
@give_up_option
@metrics_port_option
@json_log_option
@click.pass_context
def command(
    context: click.Context,
    rules: Path | None,
    accept_loss: bool,
    give_up_s: float,
    metrics_port: int | None,
    as_json: bool,
) -> None:
    """Deliver alerts to the topic grid.alerts, by webhook and by mail, as the rules say.

    Each notice is told once, however often the alerter is stopped, killed or run twice. Stops cleanly on
    SIGTERM and SIGINT. With a subcommand: list, acknowledge, retry.
    """
    if context.invoked_subcommand is not None:
        return
    from consumers.alerts.rules import read_rules
    from consumers.alerts.run import run_alerter
    from infra.ending import end_process
    from infra.stalls import LastResort

    found = begin(metrics_port, as_json)
    read = read_rules(rules or found.alerts_file)
    last_resort = LastResort(found.stall_s)
    with until_told() as stop:
        run_alerter(found, read, stop.is_set, give_up_s, accept_loss, end_process, last_resort.put_off)
    last_resort.close()


@command.command("list", epilog="Example:  gridcast alerts list --all")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
def list_(everything: bool, limit: int, as_json: bool) -> None:
    """Alerts that are raised, the newest first."""
    from consumers.alerts.actions import list_alerts
    from infra import settings

    rows = [row_of(alert) for alert in list_alerts(settings.load(), everything, limit)]
    emit(rows, as_json, [*table(rows)] if rows else ["no alert is raised"])


@command.command("ack", epilog="Example:  gridcast alerts ack 4f1c9a3b7d20e865 --note 'crew is on site'")
@click.argument("alert_id")
@click.option("--by", help="Who takes it up; the user of this machine unless told.")
@click.option("--note", "text", default="", help="What is done about it.")
@json_option
def ack(alert_id: str, by: str | None, text: str, as_json: bool) -> None:
    """Take an alert up: no reminder any more until it is over."""
    import getpass

    from consumers.alerts.actions import acknowledge_alert
    from consumers.alerts.rules import read_rules
    from infra import settings

    found = settings.load()
    who = by or getpass.getuser()
    alert = acknowledge_alert(found, read_rules(found.alerts_file), alert_id, who, text)
    emit(row_of(alert), as_json, [f"alert {alert.alert_id} is taken up by {alert.acked_by}"])


@command.command("dead", epilog="Example:  gridcast alerts dead")
@json_option
def dead(as_json: bool) -> None:
    """Deliveries that nobody took, that were refused, or that are in doubt after a crash."""
    from consumers.alerts.actions import dead_deliveries
    from infra import settings

    rows = dead_deliveries(settings.load())
    emit(rows, as_json, [*table(rows)] if rows else ["every notice was delivered"])


@command.command("retry", epilog="Example:  gridcast alerts retry 4f1c9a3b7d20e865-1")
@click.argument("notice_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every one of them.")
@json_option
def retry(notice_id: str | None, everything: bool, as_json: bool) -> None:
    """Send again what is dead or in doubt: one notice, or all."""
    from consumers.alerts.actions import send_again
    from infra import settings

    if (notice_id is None) == (not everything):
        raise click.UsageError("name a notice, or say --all")
    count = send_again(settings.load(), notice_id)
    emit({"deliveries": count}, as_json, [f"{count} deliveries are sent again"])


@command.command("check", epilog="Example:  gridcast alerts check alerts.toml")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@click.pass_context
def check(context: click.Context, path: Path, as_json: bool) -> None:
    """Say every mistake in a file of rules, one a line."""
    from consumers.alerts.rules import check as checked

    mistakes, rules = checked(path)
    if as_json:
        emit({"ok": not mistakes, "mistakes": mistakes}, as_json)
    for mistake in [] if as_json else mistakes:
        note(f"error: {mistake}")
    if rules is not None and not as_json:
        say(f"{path}: {len(rules.rule)} rules, channels {', '.join(rules.channel)}")
    context.exit(1 if mistakes else 0)


def row_of(alert: Alert) -> dict[str, Any]:
    """An alert for a table or a machine."""
    return {
        "alert_id": alert.alert_id,
        "state": alert.state,
        "severity": alert.severity,
        "kind": alert.kind,
        "plant": alert.plant_id or None,
        "unit": alert.unit_id or None,
        "subject": alert.subject or None,
        "since": iso(alert.started_at_ms),
        "energy_kwh": round(alert.total_kwh, 1),
        "acknowledged_by": alert.acked_by,
        "message": alert.message,
    }
