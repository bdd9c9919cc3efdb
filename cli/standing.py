"""What the commands that run until they are told have in common: options, settings and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cli.numbers import Amount
from infra import settings

if TYPE_CHECKING:
    from infra.settings import Settings

metrics_port_option: Final = click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="Port of /metrics, /health and /ready."
)
give_up_option: Final = click.option(
    "--give-up",
    "give_up_s",
    type=Amount(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait for what is needed at the start.",
)


def begin(metrics_port: int | None, json_log: bool) -> Settings:
    """The settings with what was asked for on the command line; logs are set up by them."""
    from infra import logs

    asked = {"metrics_port": metrics_port, "log_format": "json" if json_log else None}
    found = settings.load(**{name: value for name, value in asked.items() if value is not None})
    logs.configure(found)
    return found
