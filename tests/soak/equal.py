"""Whether PostgreSQL holds what the topics hold: every identity once, forecasts to the last bit."""

from __future__ import annotations

import hashlib
import struct
from contextlib import closing

import numpy as np
import psycopg2

from consumers import tables
from consumers.identity import identity
from infra.settings import Settings
from infra.topic_reader import read, spans
from infra.topics import ANOMALIES, DRIFT, FORECASTS, JOURNAL, REJECTED, SCORES
from schemas.codec import Codec

TABLES = {
    SCORES: tables.SCORES.name,
    ANOMALIES: tables.ANOMALIES.name,
    DRIFT: tables.DRIFT.name,
    REJECTED: tables.REJECTS.name,
}
_FLOAT8_OID = 701


def unequal(settings: Settings) -> list[str]:
    """What differs, one line for each kind."""
    codec, told = Codec(), []
    with closing(psycopg2.connect(settings.postgres_dsn.get_secret_value())) as server:
        meant, found = _forecasts(settings, codec), _stored_forecasts(server)
        for what, keys in (
            ("missing", meant.keys() - found.keys()),
            ("unknown", found.keys() - meant.keys()),
        ):
            if keys:
                told.append(f"{len(keys)} forecasts are {what} in PostgreSQL")
        differing = [key for key in meant.keys() & found.keys() if meant[key] != found[key]]
        if differing:
            told.append(f"{len(differing)} forecasts have other numbers in PostgreSQL")
        for topic, table in TABLES.items():
            stands, rows = _identities(settings, codec, topic), _count(server, table)
            if stands != rows:
                told.append(f"{topic} has {stands} identities, {table} {rows} rows")
        scans, rows = _identities(settings, codec, JOURNAL, "Telemetry"), _count(server, "telemetry")
        if scans != rows:
            told.append(f"the journal has {scans} scans, telemetry {rows} rows")
    return told


def caught_up(settings: Settings) -> dict[str, int]:
    """Records that the sink has not written yet, by topic; empty when all is done."""
    with (
        closing(psycopg2.connect(settings.postgres_dsn.get_secret_value())) as server,
        server.cursor() as cursor,
    ):
        cursor.execute("select topic, partition, next_offset from sink_offsets")
        at = {(topic, number): offset for topic, number, offset in cursor.fetchall()}
    left = {
        topic: sum(
            span.end - at.get((topic, number), span.first) for number, span in spans(settings, topic).items()
        )
        for topic in (JOURNAL, FORECASTS, *TABLES)
    }
    return {topic: records for topic, records in left.items() if records}


def _forecasts(settings: Settings, codec: Codec) -> dict[tuple[object, ...], str]:
    made: dict[tuple[object, ...], str] = {}
    for messages in read(settings, FORECASTS):
        for message in messages:
            _, one = codec.decode(message.value())
            key = one["plant_id"], one["issued_at"], one["model"], one["version"]
            made[key] = hashlib.md5(_array(one["power_kw"])).hexdigest()
    return made


def _array(values: list[float]) -> bytes:
    """As PostgreSQL sends an array of double precision."""
    cells = np.empty(len(values), dtype=[("size", ">i4"), ("value", ">f8")])
    cells["size"], cells["value"] = 8, values
    return struct.pack(">iiIii", 1, 0, _FLOAT8_OID, len(values), 1) + cells.tobytes()


def _stored_forecasts(server: psycopg2.extensions.connection) -> dict[tuple[object, ...], str]:
    statement = (
        "select plant_id, (extract(epoch from issued_at) * 1000)::bigint, model, version,"
        " md5(array_send(power_kw)) from forecasts"
    )
    with server.cursor() as cursor:
        cursor.execute(statement)
        return {row[:4]: row[4] for row in cursor.fetchall()}


def _identities(settings: Settings, codec: Codec, topic: str, only: str | None = None) -> int:
    known = set()
    for messages in read(settings, topic):
        for name, record in codec.decode_many([message.value() for message in messages]):  # type: ignore[misc]
            if only is None or name == only:
                known.add(hash(identity(name, record)))
    return len(known)


def _count(server: psycopg2.extensions.connection, table: str) -> int:
    with server.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
