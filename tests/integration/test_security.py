"""TLS and passwords reach every client: librdkafka, aiokafka, Faust's credentials, PostgreSQL."""

import asyncio
import os
import platform
import pwd
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest
from pydantic import SecretStr

from cli.main import run
from infra import local_kafka, local_postgres
from infra.kafka import (
    Outgoing,
    aiokafka_security,
    faust_options,
    produce_all,
    producer,
    wait_for_kafka,
)
from infra.postgres import connect, migrate, transaction
from infra.processes import free_ports, stop
from infra.settings import Settings
from infra.topic_reader import read
from infra.topics import JOURNAL, make_topics
from schemas.errors import ServiceUnavailable, SettingsError
from tests.integration import certificates

_LISTENERS = """
listeners=PLAINTEXT://127.0.0.1:{{broker}},OUTSIDE://127.0.0.1:{outside},CONTROLLER://127.0.0.1:{{controller}}
advertised.listeners=PLAINTEXT://127.0.0.1:{{broker}},OUTSIDE://127.0.0.1:{outside}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.outside.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \\
  required user_me="hush";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
"""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Kafka of its own whose only outer door wants TLS and a password."""
    folder = tmp_path_factory.mktemp("secure")
    made = certificates.make(folder)
    (outside,) = free_ports(1)
    more = _LISTENERS.format(outside=outside, keystore=made.both)
    running, _ = local_kafka.start(folder / "kafka", folder / "kafka.log", None, more)
    yield Settings(
        home=folder,
        kafka=f"127.0.0.1:{outside}",
        kafka_security="SASL_SSL",
        kafka_username="me",
        kafka_password=SecretStr("hush"),
        kafka_ca_file=made.authority,
    )
    stop(running)


def test_producer_consumer_and_admin_come_through_tls_with_a_password(secure: Settings) -> None:
    wait_for_kafka(secure, 10)
    make_topics(secure)
    assert produce_all(producer(secure), [Outgoing(JOURNAL, b"k", b"v")]) == 1
    assert [m.value() for messages in read(secure, JOURNAL) for m in messages] == [b"v"]


def test_a_wrong_password_or_another_authority_is_kept_out(secure: Settings, tmp_path: Path) -> None:
    stranger = secure.model_copy(update={"kafka_password": SecretStr("wrong")})
    with pytest.raises(SettingsError, match="refuses this user: check GRIDCAST_KAFKA_USERNAME"):
        wait_for_kafka(stranger, 20)
    other = certificates.make(tmp_path)
    with pytest.raises(SettingsError, match="not trusted, or of another host: check GRIDCAST_KAFKA_CA_FILE"):
        wait_for_kafka(secure.model_copy(update={"kafka_ca_file": other.authority}), 20)


def test_aiokafka_comes_through_with_the_same_settings(secure: Settings) -> None:
    from aiokafka.admin import AIOKafkaAdminClient

    async def topics() -> list[str]:
        client = AIOKafkaAdminClient(bootstrap_servers=secure.kafka_bootstrap, **aiokafka_security(secure))
        await client.start()
        try:
            return list(await client.list_topics())
        finally:
            await client.close()

    make_topics(secure)
    assert JOURNAL in asyncio.run(topics())


def test_faust_comes_through_with_the_same_settings(secure: Settings) -> None:
    import faust

    app = faust.App("test-security", **faust_options(secure), topic_disable_leader=True)

    async def send() -> int:
        async with app.producer:
            sent = await app.producer.send_and_wait(JOURNAL, b"k", b"faust", None, None, {})
            return int(sent.offset)

    make_topics(secure)
    assert asyncio.run(send()) >= 0
    assert b"faust" in [m.value() for messages in read(secure, JOURNAL) for m in messages]


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A PostgreSQL that speaks TLS: other binaries than the local server's, whose wheel is built without."""
    folder = tmp_path_factory.mktemp("encrypted")
    made = certificates.make(folder)
    made.key.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(made.key, pwd.getpwnam("nobody").pw_uid, -1)
    more = f"-c ssl=on -c ssl_cert_file={made.certificate} -c ssl_key_file={made.key}"
    with pytest.MonkeyPatch.context() as patch:
        tools = _postgres_with_tls(folder)
        patch.setattr(local_postgres, "_tools", lambda: tools)
        _, address = local_postgres.start(folder / "postgres", folder / "postgres.log", None, more)
        secret = SecretStr(f"{address}?sslmode=verify-full&sslrootcert={made.authority}")
        yield Settings(home=folder, postgres=secret)
        local_postgres.stop(folder / "postgres")


def _postgres_with_tls(folder: Path) -> Path:
    machine = {"x86_64": "amd64", "aarch64": "arm64v8"}[platform.machine()]
    (jar,) = local_kafka.fetch(f"io.zonky.test.postgres:embedded-postgres-binaries-linux-{machine}:17.6.0")
    with zipfile.ZipFile(jar) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".txz")]
        with tarfile.open(fileobj=archive.open(name), mode="r:xz") as programs:
            if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
                programs.extraction_filter = tarfile.data_filter
            programs.extractall(folder / "programs")
    return folder / "programs" / "bin"


def test_postgres_is_reached_over_tls_by_connections_and_migrations(encrypted: Settings) -> None:
    assert migrate(encrypted) != []
    with transaction(encrypted) as cursor:
        cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert cursor.fetchone() == (True,)


def test_a_postgres_that_another_authority_signed_is_not_trusted(encrypted: Settings, tmp_path: Path) -> None:
    other = certificates.make(tmp_path)
    address = encrypted.postgres.get_secret_value().partition("?")[0]
    stranger = SecretStr(f"{address}?sslmode=verify-full&sslrootcert={other.authority}")
    with pytest.raises(ServiceUnavailable, match="SSL error") as refused:
        connect(encrypted.model_copy(update={"postgres": stranger}))
    assert ":***@" in str(refused.value)


WRONG = {
    "another authority": (
        "sslmode=verify-full&sslrootcert={other}",
        "127.0.0.1",
        "SSL error: (certificate verify failed|provider signature failure)",
    ),
    "another host name": ("sslmode=verify-full&sslrootcert={own}", "localhost", "does not match host name"),
    "a wrong password": (
        "sslmode=verify-full&sslrootcert={own}",
        "127.0.0.1",
        "password authentication failed",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_command_says_in_one_line_why_postgres_is_not_reached(
    encrypted: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: str,
) -> None:
    query, host, told = WRONG[wrong]
    parts = urlsplit(encrypted.postgres.get_secret_value())
    own = parse_qs(parts.query)["sslrootcert"][0]
    password = "wrong-hush" if wrong == "a wrong password" else parts.password
    place = f"{parts.username}:{password}@{host}:{parts.port}"
    asked = query.format(other=certificates.make(tmp_path).authority, own=own)
    monkeypatch.setenv("GRIDCAST_POSTGRES", urlunsplit(parts._replace(netloc=place, query=asked)))
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path))
    assert run(["losses"]) == 1
    said = capsys.readouterr().err
    (line,) = said.splitlines()
    assert line.startswith("error: PostgreSQL at ") and re.search(told, line)
    assert str(password) not in said
