"""`gridcast down`: stops the local servers of this home."""

from __future__ import annotations

import click

from cli.output import emit, json_option
from infra import local, settings


@click.command(epilog="Example:  gridcast down")
@json_option
def command(as_json: bool) -> None:
    """Stop the local Kafka and PostgreSQL; their data and logs stay under .gridcast/."""
    stopped = local.down(settings.load().home)
    emit(
        {"stopped": stopped},
        as_json,
        [f"stopped {' and '.join(stopped)}" if stopped else "nothing was running"],
    )
