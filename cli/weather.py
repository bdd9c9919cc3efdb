"""`gridcast weather`: live weather for every registered plant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, iso, json_option, note, progress, table
from cli.standing import begin, give_up_option, metrics_port_option
from cli.stopping import until_told
from cli.times import Moment
from infra import settings

if TYPE_CHECKING:
    from infra.settings import Settings
    from producers.weather.once import Once


@click.group(invoke_without_command=True, epilog="Example:  gridcast weather --once")
@click.option("--once", is_flag=True, help="Collect one time, say what came, and end.")
@metrics_port_option
@give_up_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document with --once, else a JSON log.")
@click.pass_context
def command(ctx: click.Context, once: bool, metrics_port: int | None, give_up_s: float, as_json: bool) -> int:
    """Collect live weather for every registered plant, until SIGTERM.

    A plant that is new or has moved gets its first run at once, every plant one each `weather_every_s`.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    if once:
        return _once(settings.load(), as_json)
    from producers.weather.process import run_weather

    found = begin(metrics_port, as_json)
    with until_told() as stop:
        run_weather(found, stop.is_set, stop.wait, give_up_s)
    return 0


@command.command(epilog="Example:  gridcast weather history plants/north-ridge")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "from_ms", type=Moment(), help="The first day; default: that of the telemetry.")
@click.option(
    "--to", "to_ms", type=Moment(), help="The day after the last one; default: that of the telemetry."
)
@click.option(
    "--source",
    type=click.Choice(["open_meteo", "openweather"]),
    default="open_meteo",
    show_default=True,
    help="Whose archive.",
)
@json_option
def history(folder: Path, from_ms: int | None, to_ms: int | None, source: str, as_json: bool) -> None:
    """Write weather.csv.gz of a canonical folder from the archive of a source, to train on.

    One run a day for 48 hours. It is reanalysis, not forecasts: a release that was trained on it says so.
    After an interruption the same call goes on where it was.
    """
    from producers.weather import sources
    from producers.weather.history import ATTEMPTS, WARNING, make_history, span_of, steps

    found = settings.load()
    if from_ms is None or to_ms is None:
        first_ms, end_ms = span_of(folder)
        from_ms = first_ms if from_ms is None else from_ms
        to_ms = end_ms if to_ms is None else to_ms
    with until_told() as stop, progress("weather", steps(from_ms, to_ms, source)) as advance:
        http = sources.http(found, stop.is_set, stop.wait, ATTEMPTS)
        try:
            written = make_history(found, folder, from_ms, to_ms, source, http, advance)
        finally:
            http.close()
    document = {
        "path": str(written.path),
        "source": f"{source}:archive",
        "runs": written.runs,
        "rows": written.rows,
        "plants": written.plants,
        "without_position": written.nowhere,
        "hindsight": True,
    }
    emit(document, as_json, [f"{written.path}: {written.runs} runs, {written.rows} rows"])
    for plant_id in written.nowhere:
        note(f"{plant_id} has no position in plants.csv, so no weather")
    note(f"note: {WARNING}")


def _once(found: Settings, as_json: bool) -> int:
    from producers.weather.once import collect_once

    with until_told() as stop:
        came = collect_once(found, stop.is_set, stop.wait)
    emit(_document(came), as_json, _lines(came))
    for plant_id, why in came.collected.failed.items():
        note(f"{plant_id}: no weather: {why}")
    if came.nowhere:
        note(f"without a position, so without weather: {', '.join(came.nowhere)}")
    return 1 if came.collected.failed else 0


def _document(came: Once) -> dict[str, Any]:
    return {"runs": list(_rows(came)), "failed": came.collected.failed, "without_position": came.nowhere}


def _lines(came: Once) -> Iterator[str]:
    return table(list(_rows(came)))


def _rows(came: Once) -> Iterator[dict[str, Any]]:
    for run in came.collected.runs:
        yield {
            "plant": run.plant_id,
            "source": run.source,
            "published_at": iso(run.published_at_ms),
            "from": iso(int(run.valid_at_ms[0])),
            "to": iso(int(run.valid_at_ms[-1])),
            "columns": len(run.columns),
            "points": len(run.points),
        }
