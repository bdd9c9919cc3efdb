"""A service for the tests of a module, with a database of its own: one that only tells, one that hears."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from pydantic import SecretStr

from consumers.api.keys import Role
from infra.postgres import migrate
from infra.settings import Settings
from tests import output_records as made
from tests.integration.api.world import World, filled, latest, new_key, running
from tests.integration.conftest import _execute, empty_topics

_MANY = dict.fromkeys(
    ("api_key_per_minute", "api_address_per_minute", "api_failures_per_minute", "api_key_jobs"), 10**6
)


@pytest.fixture(scope="session")
def world(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Filled by the real sink. What it holds and what stands in its tables outlives the topics."""
    with _own(servers, tmp_path_factory.mktemp("api")) as found:
        filled(found)
        with _serving(found) as made_one:
            yield made_one


@pytest.fixture(scope="module")
def service(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With nothing but a newest forecast of the plants a and b; for tests that send it something."""
    with _own(servers, tmp_path_factory.mktemp("live")) as found:
        latest(found, made.forecast("a"), made.forecast("b"))
        with _serving(found) as made_one:
            yield made_one


@contextmanager
def _own(servers: Settings, home: Path) -> Iterator[Settings]:
    """Empty topics, and a migrated database."""
    database = f"test_{uuid.uuid4().hex[:12]}"
    server = servers.postgres.get_secret_value()
    _execute(server, f"CREATE DATABASE {database}")
    own = SecretStr(urlunsplit(urlsplit(server)._replace(path=f"/{database}")))
    found = servers.model_copy(update={"postgres": own, "home": home, **_MANY})
    migrate(found)
    empty_topics(found)
    yield found
    _execute(server, f"DROP DATABASE {database} WITH (FORCE)")


@contextmanager
def _serving(settings: Settings) -> Iterator[World]:
    shown = {role: new_key(settings, role) for role in Role}
    with running(settings) as (app, url):
        yield World(settings, app, url, shown)
