"""`gridcast serve`: the HTTP API and the operator's page until SIGTERM."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from cli.output import emit, json_log_option, note

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.codec import Codec


@click.command(epilog="Example:  gridcast keys add dashboard && gridcast serve --port 8080")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: a free one.")
@click.option("--host", help="Address to listen on; 0.0.0.0 is every one of this machine.")
@click.option(
    "--demo/--no-demo", default=None,
    help="Play the demo's stream too; unless told, where the servers of `gridcast up` hold no plant yet.",
)  # fmt: skip
@json_log_option
def command(port: int | None, host: str | None, demo: bool | None, as_json: bool) -> None:
    """Answer questions over HTTP: forecasts, actuals, events, losses, scores, releases; and show the page.

    Everything is read from the topics and from what the sink wrote; /openapi.json says what there is. All but
    that, /health, /api/health, /ready, /version and the files of the page needs a key (`gridcast keys add`).
    Stops cleanly on SIGTERM and SIGINT.
    """
    from cli.acting import ReleaseHands
    from consumers.api.server import serve
    from consumers.predictions.sources import Sources
    from consumers.predictions.weather import AT_ONCE
    from infra import logs, settings
    from infra.registry import schema_ids
    from producers.weather.on_request import WeatherOnRequest
    from schemas.codec import Codec
    from streams.plant_states import PlantStates

    asked = {"api_port": port, "api_host": host, "log_format": "json" if as_json else None}
    found = settings.load(**{name: value for name, value in asked.items() if value is not None})
    logs.configure(found)

    def listening(address: str) -> None:
        if as_json:
            emit({"api": address, "openapi": f"{address}/openapi.json"}, as_json)
        else:
            note(f"page and api: {address}, described at {address}/openapi.json")

    codec = Codec(schema_ids(found))
    sources = Sources(WeatherOnRequest(found, AT_ONCE), PlantStates.of(found, codec))
    with _stream(found, codec, demo):
        serve(found, listening, sources, ReleaseHands(found))


def _stream(found: Settings, codec: Codec, demo: bool | None) -> AbstractContextManager[object]:
    """The demo's stream, where it is wanted or nothing else could be shown."""
    local = not found.kafka and not found.postgres.get_secret_value()
    if demo is False or (demo is None and not local):
        return nullcontext()
    from cli.demo.beside import beside
    from cli.demo.live import may_play

    return beside(found, note) if demo or may_play(found, codec) else nullcontext()
