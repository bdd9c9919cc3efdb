"""`gridcast worker`: one stream worker in the foreground."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import click

from cli.output import emit, json_log_option, note
from cli.standing import begin, metrics_port_option

EPILOG = "Example:  gridcast worker & gridcast worker & gridcast publish DIR --speed 0"

#: How long the engines' thread may keep Python's lock from the threads that fetch and send: a batch passes
#: several of them, and would wait for Python's 5 ms at each.
SWITCH_S = 0.0005


@click.command(epilog=EPILOG)
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Where retention ate records before they were read, go on without them.",
)
@metrics_port_option
@json_log_option
def command(accept_loss: bool, metrics_port: int | None, as_json: bool) -> None:
    """Run a stream worker until SIGTERM or Ctrl-C.

    Workers of one group share the journal's partitions. On SIGTERM a worker finishes the batch in flight,
    commits, writes its checkpoints and ends with code 0. It ends with 1 where a person has to decide (records
    are gone from the log before they were read), with 70 where starting again may help.
    """
    signal.signal(signal.SIGTERM, _end)  # until Faust listens
    sys.setswitchinterval(SWITCH_S)
    from infra.lean import without_pandas

    with without_pandas():
        # What forecasting asks for at its first use: all plants of a restore would wait for it.
        import lightgbm  # noqa: F401

        from models.sun import position_algorithm
        from streams.app import Foreground, make_app
    position_algorithm()

    known = begin(metrics_port, as_json)
    app = make_app(known, accept_loss)
    address = f"http://{known.metrics_host}:{app.parts.server.port}"
    if as_json:
        emit({"metrics": f"{address}/metrics", "health": f"{address}/health"}, as_json)
    else:
        note(f"worker: metrics and health at {address}")
    Foreground(app, known.log_level).execute_from_commandline()


def _end(*_: object) -> NoReturn:
    sys.exit(0)
