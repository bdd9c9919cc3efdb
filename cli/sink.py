"""`gridcast sink`: the topics into PostgreSQL until SIGTERM."""

from __future__ import annotations

import click

from cli.output import json_log_option
from cli.standing import begin, give_up_option, metrics_port_option
from cli.stopping import until_told


@click.command(epilog="Example:  gridcast sink")
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Where retention ate records before they were written, go on without them.",
)
@give_up_option
@metrics_port_option
@json_log_option
def command(accept_loss: bool, give_up_s: float, metrics_port: int | None, as_json: bool) -> None:
    """Write forecasts, actuals, scores, events and rejected records to PostgreSQL.

    Each record is written once, however often the sink is stopped, killed or run twice: its offsets stand in
    PostgreSQL beside the rows. Stops cleanly on SIGTERM and SIGINT.
    """
    from infra.lean import without_pandas

    with without_pandas():
        from consumers.run import run_sink
    from infra.ending import end_process
    from infra.stalls import LastResort

    found = begin(metrics_port, as_json)
    last_resort = LastResort(found.stall_s)
    with until_told() as stop:
        run_sink(found, stop.is_set, give_up_s, accept_loss, end_process, last_resort.put_off)
    last_resort.close()
