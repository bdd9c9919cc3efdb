"""`gridcast up`: local servers where none are set, topics and migrations wherever they are."""

from __future__ import annotations

import click

from cli.output import emit, json_option, note
from infra import local, settings, topics
from infra.kafka import wait_for_kafka
from infra.settings import Settings


@click.command(epilog="Example:  gridcast up && gridcast status")
@json_option
def command(as_json: bool) -> None:
    """Start the local Kafka and PostgreSQL, make the topics, run the migrations.

    A server that GRIDCAST_KAFKA or GRIDCAST_POSTGRES names is used instead of a local one. A second `up`
    finds what the first has started. Data, logs and addresses are kept under .gridcast/ (GRIDCAST_HOME).
    """
    found = settings.load()
    bring_up(found, note)
    made, migrations = prepare(found)
    addresses = {"kafka": found.kafka_bootstrap, "postgres": _postgres(found)}
    emit(
        {**addresses, "home": found.home, "topics_made": made, "migrations": migrations},
        as_json,
        [f"{len(made)} topics made, {len(migrations)} migrations run", "ready: try `gridcast status`"],
    )


def bring_up(found: Settings, say: local.Say) -> None:
    """Start the local servers that these settings need: those that no setting names."""
    named = {"kafka": found.kafka, "postgres": found.postgres.get_secret_value()}
    missing = tuple(name for name in local.NAMES if not named[name])
    if missing:
        local.up(found.home, missing, say)


def prepare(found: Settings) -> tuple[list[str], list[str]]:
    """Make topics and run migrations on the servers of these settings; returns what was new of each."""
    from infra.postgres import migrate, wait_for_postgres

    wait_for_kafka(found, 30.0)
    made = topics.make_topics(found)
    wait_for_postgres(found, 30.0)
    return made, migrate(found)


def _postgres(found: Settings) -> str:
    return local.without_password(found.postgres_dsn.get_secret_value())
