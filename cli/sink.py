"""`gridcast sink`: the topics into PostgreSQL until SIGTERM."""

from __future__ import annotations

import click

from cli.numbers import Amount
from cli.output import json_log_option
from cli.stopping import until_told
from infra import settings


@click.command(epilog="Example:  gridcast sink")
@click.option(
    "--from-log-start",
    is_flag=True,
    help="Where the log no longer reaches what was written last, go on from what it holds.",
)
@click.option(
    "--give-up",
    "give_up_s",
    type=Amount(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait at the start.",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Port of /metrics, /health and /ready.")
@json_log_option
def command(from_log_start: bool, give_up_s: float, metrics_port: int | None, as_json: bool) -> None:
    """Write forecasts, actuals, scores, events and rejected records to PostgreSQL.

    Each record is written once, however often the sink is stopped, killed or run twice: its offsets stand in
    PostgreSQL beside the rows. Stops cleanly on SIGTERM and SIGINT.
    """
    from consumers.run import run_sink
    from infra import logs

    asked = {"metrics_port": metrics_port, "log_format": "json" if as_json else None}
    found = settings.load(**{name: value for name, value in asked.items() if value is not None})
    logs.configure(found)
    with until_told() as stop:
        run_sink(found, stop.is_set, give_up_s, from_log_start)
