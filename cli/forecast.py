"""`gridcast forecast PLANT`: the newest forecast."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from cli.output import emit, iso, json_option, table
from infra import settings

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.codec import Codec

SHOWN: Final = (0.1, 0.5, 0.9)
Record = Mapping[str, Any]


@click.command(epilog="Example:  gridcast forecast la-haute-borne --csv > forecast.csv")
@click.argument("plant_id", metavar="PLANT")
@click.option("--csv", "as_csv", is_flag=True, help="Every step with every published level, as CSV.")
@click.option("--timezone", help="For the local times; default: the plant's, as in the registry.")
@json_option
def command(plant_id: str, as_csv: bool, timezone: str | None, as_json: bool) -> None:
    """Show the newest forecast of a plant: local and UTC time, P10, P50, P90 in kW, and the rung.

    The rung says what a step was made of: both inputs, weather only, telemetry only, climatology,
    or the physical start of a plant that no release was trained on.
    """
    from infra.registry import schema_ids
    from schemas.codec import Codec

    found = settings.load()
    codec = Codec(schema_ids(found))
    forecast = _newest(found, codec, plant_id)
    zone = _zone(timezone or _timezone(found, codec, plant_id))
    if as_csv:
        click.echo(_csv(forecast, zone), nl=False)
        return
    emit(_document(forecast, zone), as_json, [*_header(forecast), *table(_rows(forecast, zone))])


def _newest(found: Settings, codec: Codec, plant_id: str) -> Record:
    from infra.topic_reader import newest_records
    from infra.topics import FORECASTS_LATEST
    from schemas.errors import InputError

    newest = newest_records(found, codec, FORECASTS_LATEST, "Forecast")
    forecast = newest.get(plant_id.encode())
    if forecast is None:
        known = ", ".join(sorted(key.decode(errors="replace") for key in newest)) or "none yet"
        raise InputError(f"there is no forecast of {plant_id}; plants with one: {known}")
    return forecast


def _timezone(found: Settings, codec: Codec, plant_id: str) -> str | None:
    from producers.registry import held, registered

    plant = held(registered(found, codec), plant_id, _now_ms())
    return plant.timezone if plant is not None else None


def _zone(name: str | None) -> tzinfo:
    from schemas.errors import InputError

    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{name!r} is no time zone: write one as Europe/Paris") from error


def _rows(forecast: Record, zone: tzinfo) -> list[dict[str, Any]]:
    from consumers.forecast_document import RUNGS, steps

    return [
        {
            "local": _local(step["valid_at_ms"], zone),
            "utc": iso(step["valid_at_ms"]),
            "min": step["interval_s"] // 60,
            **{f"P{round(100 * level)}": step["power_kw"].get(level) for level in SHOWN},
            "rung": RUNGS[step["rung"]],
        }
        for step in steps(forecast)
    ]


def _header(forecast: Record) -> list[str]:
    release = f"{forecast['model']} {forecast['version']}"
    issued_at_ms, now_ms = forecast["issued_at"], _now_ms()
    stale = ", in a catch-up" if forecast["stale"] else ""
    return [
        f"{forecast['plant_id']}: issued {iso(issued_at_ms)}, {_ago(now_ms - issued_at_ms)} ago{stale},"
        f" by {release}; kW of {forecast['capacity_kw']:g}",
        f"telemetry: {_age(issued_at_ms, forecast['telemetry_at'])}"
        f"; weather: {_age(issued_at_ms, forecast['run_published_at'])}",
        "",
    ]


def _age(issued_at_ms: int, at_ms: int | None) -> str:
    return "none" if at_ms is None else f"{_ago(issued_at_ms - at_ms)} old at the issue"


def _ago(span_ms: int) -> str:
    minutes = max(round(span_ms / 60_000), 0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"


def _document(forecast: Record, zone: tzinfo) -> dict[str, Any]:
    """As the API tells it, with the local time of each step."""
    from consumers.forecast_document import document

    told = document(forecast)
    for step, valid_at_ms in zip(told["steps"], forecast["valid_at"], strict=True):
        step["local"] = _local(valid_at_ms, zone)
    return told


def _csv(forecast: Record, zone: tzinfo) -> str:
    from consumers.forecast_document import RUNGS, steps

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    levels = [f"{level:g}" for level in forecast["levels"]]
    lines.writerow(
        ["plant_id", "issued_at", "valid_at", "local", "interval_s", "rung", *levels, "available_kw"]
    )
    for step in steps(forecast):
        lines.writerow(
            [
                forecast["plant_id"],
                iso(forecast["issued_at"]),
                iso(step["valid_at_ms"]),
                _local(step["valid_at_ms"], zone),
                step["interval_s"],
                RUNGS[step["rung"]],
                *step["power_kw"].values(),
                step["available_kw"],
            ]
        )
    return text.getvalue()


def _local(time_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(time_ms / 1000, zone).strftime("%Y-%m-%d %H:%M %Z")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
