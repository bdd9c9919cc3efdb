"""One service for all tests that only read, with a database of its own that the real sink has filled."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from pydantic import SecretStr

from consumers.api.keys import Role
from infra.postgres import migrate
from infra.settings import Settings
from tests.integration.api.world import World, filled, new_key, running
from tests.integration.conftest import _execute, empty_topics


@pytest.fixture(scope="session")
def world(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = f"test_{uuid.uuid4().hex[:12]}"
    server = servers.postgres.get_secret_value()
    _execute(server, f"CREATE DATABASE {database}")
    own = SecretStr(urlunsplit(urlsplit(server)._replace(path=f"/{database}")))
    home: Path = tmp_path_factory.mktemp("api")
    many = {"api_key_per_minute": 10**6, "api_address_per_minute": 10**6, "api_failures_per_minute": 10**6}
    found = servers.model_copy(update={"postgres": own, "home": home, **many})
    migrate(found)
    empty_topics(found)
    filled(found)
    shown = {role: new_key(found, role) for role in Role}
    with running(found) as (app, url):
        yield World(found, app, url, shown)
    _execute(server, f"DROP DATABASE {database} WITH (FORCE)")
