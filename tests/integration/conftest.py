"""A real Kafka and a real PostgreSQL for the session, and a clean slate on them for each test that asks.

`GRIDCAST_TEST_SERVERS=local` (the default) starts those of `gridcast up` in a folder of the session;
`testcontainers` starts them under Docker. A server that is asked for and does not start fails the tests:
nothing is skipped.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from pydantic import SecretStr

from infra import local
from infra.kafka import admin, await_admin, wait_for_kafka
from infra.postgres import migrate
from infra.settings import Settings
from infra.topics import TOPICS, make_topics


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that name the session's servers. Topics and tables may hold what other tests left."""
    kind = os.environ.get("GRIDCAST_TEST_SERVERS", "local")
    home = tmp_path_factory.mktemp("servers")
    starters = {"local": _local, "testcontainers": _containers}
    if kind not in starters:
        pytest.fail(f"GRIDCAST_TEST_SERVERS is {kind!r}; it can be {' or '.join(starters)}")
    with starters[kind](home) as (kafka, postgres):
        yield Settings(home=home, kafka=kafka, postgres=SecretStr(postgres))


@pytest.fixture
def settings(servers: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The session's servers with empty topics, and a migrated database and a home of the test's own."""
    with own_database(servers) as own:
        found = own.model_copy(update={"home": tmp_path / "home"})
        migrate(found)
        empty_topics(found)
        yield found


@contextmanager
def own_database(servers: Settings) -> Iterator[Settings]:
    """An empty database on the session's server while the block runs."""
    database = f"test_{uuid.uuid4().hex[:12]}"
    server = servers.postgres.get_secret_value()
    _execute(server, f"CREATE DATABASE {database}")
    own = SecretStr(urlunsplit(urlsplit(server)._replace(path=f"/{database}")))
    yield servers.model_copy(update={"postgres": own})
    _execute(server, f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def children() -> Iterator[list[Any]]:
    """Processes that a test has started (`live_help.Child`): whatever becomes of it, they end with it."""
    started: list[Any] = []
    yield started
    for child in started:
        child.kill()


OTHERS_TOPICS = ("__", "kafkasql-")
"""Kafka's own, and the log of a schema registry that keeps its schemas in the same Kafka."""


def empty_topics(settings: Settings) -> None:
    """Delete every topic but those of others, and make the declared ones anew."""
    client = admin(settings)
    names = [name for name in client.list_topics(timeout=20).topics if not name.startswith(OTHERS_TOPICS)]
    for name, future in (client.delete_topics(names) if names else {}).items():
        await_admin(future, f"delete {name}", 30)
    declared = {topic.name for topic in TOPICS}
    while declared & set(client.list_topics(timeout=20).topics):
        client.poll(0.05)
    make_topics(settings)


@contextmanager
def _local(home: Path) -> Iterator[tuple[str, str]]:
    try:
        found = {server.name: server.address for server in local.up(home)}
        yield found["kafka"], found["postgres"]
    finally:
        local.down(home)


@contextmanager
def _containers(home: Path) -> Iterator[tuple[str, str]]:
    from testcontainers.kafka import KafkaContainer
    from testcontainers.postgres import PostgresContainer

    broker = KafkaContainer().with_kraft()
    database = PostgresContainer("postgres:18", driver=None)
    with broker, database:
        bootstrap = broker.get_bootstrap_server()
        wait_for_kafka(Settings(home=home, kafka=bootstrap), 60)
        yield bootstrap, database.get_connection_url()


def _execute(dsn: str, statement: str) -> None:
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
