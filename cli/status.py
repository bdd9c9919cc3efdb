"""`gridcast status`: servers, topics, and for each plant whether its forecast can be trusted now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from cli.output import emit, iso, json_option, table
from infra import local, settings
from infra.settings import Settings
from schemas.errors import GridcastError, InputError, SettingsError

PATIENCE_MS = 3000


@click.command(epilog="Example:  gridcast status --json")
@json_option
def command(as_json: bool) -> None:
    """Show the servers, what the topics hold, and for each plant whether its forecast can be trusted now."""
    found = settings.load()
    servers = [_kafka(found), _postgres(found)]
    kafka_runs = servers[0]["answers"]
    topics = _topics(found) if kafka_runs else []
    held = _coverage(found) if servers[1]["answers"] else {}
    plants = _plants(found, held) if kafka_runs and topics else []
    document = {"home": found.home, "servers": servers, "topics": topics, "plants": plants}
    emit(document, as_json, _lines(servers, topics, plants))


def _kafka(found: Settings) -> dict[str, Any]:
    from infra.kafka import wait_for_kafka

    return _server(found, "kafka", bool(found.kafka), lambda: wait_for_kafka(found, 3.0))


def _postgres(found: Settings) -> dict[str, Any]:
    from infra.postgres import wait_for_postgres

    named = bool(found.postgres.get_secret_value())
    return _server(found, "postgres", named, lambda: wait_for_postgres(found, 1.0))


def _server(found: Settings, name: str, named: bool, ask: local.Ask) -> dict[str, Any]:
    """One server: where it is, who started it, and whether it answers, or what is wrong."""
    mine = {server.name: server for server in local.status(found.home)}.get(name)
    entry: dict[str, Any] = {"name": name, "local": not named, "address": None, "answers": False, "why": None}
    if not named and (mine is None or not mine.alive):
        return {**entry, "why": "not running: `gridcast up` starts it"}
    try:
        entry["address"] = _address(found, name)
        ask()
    except SettingsError:
        raise
    except GridcastError as error:
        return {**entry, "why": str(error)}
    pid = mine.running.pid if mine is not None and not named else None
    return {**entry, "answers": True, "pid": pid}


def _address(found: Settings, name: str) -> str:
    if name == "kafka":
        return found.kafka_bootstrap
    return local.without_password(found.postgres_dsn.get_secret_value())


def _topics(found: Settings) -> list[dict[str, Any]]:
    """What the log of each declared topic holds; a topic that is not there is left out."""
    from infra.kafka import consumer
    from infra.topic_reader import spans
    from infra.topics import TOPICS

    rows = []
    reader = consumer(found, None)
    try:
        for topic in TOPICS:
            try:
                held = spans(found, topic.name, reader).values()
            except InputError:
                continue
            offsets = sum(span.end - span.first for span in held)
            rows.append({"topic": topic.name, "partitions": len(held), "offsets": offsets})
    finally:
        reader.close()
    return rows


def _coverage(found: Settings) -> dict[str, float]:
    """By plant how often its band of an hour ahead held lately; nothing where that takes too long to say."""
    import psycopg2

    from consumers.live_coverage import read_coverage
    from infra.postgres import transaction

    try:
        with transaction(found, "gridcast-status") as cursor:
            cursor.execute(f"set local statement_timeout = {PATIENCE_MS}")
            return read_coverage(cursor, 3600, found.coverage_days)
    except (GridcastError, psycopg2.Error):  # too slow, or no tables yet: the rest of the status stands
        return {}


def _plants(found: Settings, held: dict[str, float]) -> list[dict[str, Any]]:
    from infra.registry import schema_ids
    from infra.topic_reader import newest_records
    from infra.topics import FORECASTS_LATEST
    from models.trust import doubt_of
    from producers.registry import registered
    from schemas.codec import Codec

    codec = Codec(schema_ids(found))
    now_ms = time.time_ns() // 1_000_000
    newest = {version.plant_id: version for version in registered(found, codec)}
    latest = newest_records(found, codec, FORECASTS_LATEST, "Forecast").values()
    forecasts = {forecast["plant_id"]: forecast for forecast in latest}
    rows = []
    for plant_id in sorted(newest):
        forecast = forecasts.get(plant_id)
        why_not = doubt_of(newest[plant_id], forecast, now_ms)
        issued_at = iso(forecast["issued_at"]) if forecast else None
        row = {"plant_id": plant_id, "trusted": why_not is None, "why_not": why_not, "issued_at": issued_at}
        inside = held.get(plant_id)
        rows.append({**row, "coverage80_1h": None if inside is None else round(inside, 4)})
    return rows


def _lines(
    servers: list[dict[str, Any]], topics: list[dict[str, Any]], plants: list[dict[str, Any]]
) -> Iterator[str]:
    for server in servers:
        state = "answers" if server["answers"] else server["why"]
        yield f"{server['name']}: {' '.join(filter(None, (server['address'], state)))}"
    if topics:
        yield ""
        yield from table(topics)
    if plants:
        yield ""
    for plant in plants:
        verdict = "can be trusted" if plant["trusted"] else f"cannot be trusted: {plant['why_not']}"
        issued = f" (issued {plant['issued_at']})" if plant["issued_at"] else ""
        inside = plant["coverage80_1h"]
        told = (
            "" if inside is None else f"; its 80 % band of 1 h held {100 * inside:.0f} % of the time lately"
        )
        yield f"{plant['plant_id']}: {verdict}{issued}{told}"
