"""`gridcast serve`: the HTTP API and the operator's page until SIGTERM."""

from __future__ import annotations

import click

from cli.output import emit, json_log_option, note


@click.command(epilog="Example:  gridcast keys add dashboard && gridcast serve --port 8080")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: a free one.")
@click.option("--host", help="Address to listen on; 0.0.0.0 is every one of this machine.")
@json_log_option
def command(port: int | None, host: str | None, as_json: bool) -> None:
    """Answer questions over HTTP: forecasts, actuals, events, losses, scores, releases; and show the page.

    Everything is read from the topics and from what the sink wrote; /openapi.json says what there is. Every
    question but /health, /ready and /version needs a key (`gridcast keys add`). Stops cleanly on SIGTERM and
    SIGINT.
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

    states = PlantStates.of(found, Codec(schema_ids(found)))
    serve(found, listening, Sources(WeatherOnRequest(found, AT_ONCE), states), ReleaseHands(found))
