"""The real sink, as `gridcast sink` starts it: a whole job's topics into an empty database."""

from __future__ import annotations

import sys
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from pydantic import SecretStr

from benchmarks.speed.journal import Loaded
from benchmarks.speed.machine import Pinned, on_all_cores
from benchmarks.speed.rate import Commits, Rate, measure
from consumers.intake import TOPICS
from infra import local
from infra.postgres import migrate
from infra.settings import Settings, isolated_environment
from infra.topic_reader import spans

TABLES: Final = ("telemetry", "weather_runs", "forecasts", "scores", "anomalies", "drift_events", "rejects")


@dataclass(frozen=True)
class Written:
    """One run: the rate is that of records; `rows` are what stands in the tables in the end."""

    rate: Rate
    rows: dict[str, int]
    records: int

    @property
    def rows_per_s(self) -> float:
        """Rows of all tables a second."""
        return sum(self.rows.values()) * self.rate.per_s / self.records

    @property
    def cpu_us_per_row(self) -> float:
        """CPU of the sink, without PostgreSQL's."""
        return self.rate.cpu_us * self.records / sum(self.rows.values())


def run(loaded: Loaded, limit_s: float = 600.0) -> Written:
    """One run of a new sink over all that stands in the topics."""
    begins = {(t, p): span.first for t in TOPICS for p, span in spans(loaded.settings, t).items()}
    records = sum(span.end - span.first for t in TOPICS for span in spans(loaded.settings, t).values())
    settings = _new_database(loaded)
    told = {
        "kafka": settings.kafka,
        "postgres": settings.postgres.get_secret_value(),
        "sink_group": settings.sink_group,
    }
    log = settings.home / "logs" / f"sink-{time.monotonic_ns()}.log"
    environment = isolated_environment(settings.home, **told)
    with Pinned([sys.executable, "-m", "cli", "sink"], environment, log, None) as child:
        commits = Commits(settings, settings.sink_group, begins)
        pids = [child.pid]
        rate = measure(records, loaded.broker_pid, commits.done, lambda: pids, child.check, limit_s, True)
        commits.close()
        child.stop()
    return Written(rate, _rows(settings), records)


def _new_database(loaded: Loaded) -> Settings:
    with on_all_cores():
        (server,) = local.up(loaded.settings.home, ("postgres",))
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with closing(psycopg2.connect(server.address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'")
            for (old,) in cursor.fetchall():
                cursor.execute(f'DROP DATABASE "{old}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
    address = urlunsplit(urlsplit(server.address)._replace(path=f"/{name}"))
    made = loaded.settings.model_copy(update={"postgres": SecretStr(address), "sink_group": f"sink-{name}"})
    migrate(made)
    return made


def _rows(settings: Settings) -> dict[str, int]:
    with (
        closing(psycopg2.connect(settings.postgres.get_secret_value())) as connection,
        connection.cursor() as cursor,
    ):
        found = {}
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            row = cursor.fetchone()
            found[table] = int(row[0]) if row else 0
        return found
