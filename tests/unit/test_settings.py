"""Settings have one door: strict on unknown keys, silent about secrets, the same for every client."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from infra.kafka import aiokafka_security, client_config, faust_options
from infra.settings import Settings, load
from schemas.errors import InputError, SettingsError


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("GRIDCAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_arguments_beat_the_environment_which_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gridcast.toml").write_text('partitions = 6\nreplication = 3\nkafka = "file:9092"\n')
    monkeypatch.setenv("GRIDCAST_REPLICATION", "2")
    monkeypatch.setenv("GRIDCAST_KAFKA", "env:9092")
    found = load(kafka="argument:9092")
    assert (found.kafka_bootstrap, found.replication, found.partitions) == ("argument:9092", 2, 6)


def test_local_servers_are_used_where_nothing_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".gridcast").mkdir()
    Path(".gridcast/local.json").write_text(
        json.dumps({"kafka": "127.0.0.1:1", "postgres": "postgresql://l/"})
    )
    assert load().kafka_bootstrap == "127.0.0.1:1"
    monkeypatch.setenv("GRIDCAST_POSTGRES", "postgresql://mine/")
    assert load().postgres_dsn.get_secret_value() == "postgresql://mine/"


def test_without_any_server_the_error_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"gridcast up.*GRIDCAST_KAFKA"):
        load().kafka_bootstrap  # noqa: B018 - the access is what raises


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCAST_PARTITION", "3")
    with pytest.raises(SettingsError, match="GRIDCAST_PARTITION is no setting"):
        load()


def test_an_unknown_key_of_the_file_is_refused() -> None:
    Path("gridcast.toml").write_text("partition = 3\n")
    with pytest.raises(SettingsError, match="partition: Extra inputs"):
        load()


def test_a_file_that_is_named_and_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCAST_CONFIG", "elsewhere.toml")
    with pytest.raises(SettingsError, match=r"elsewhere\.toml does not exist"):
        load()


def test_a_damaged_file_is_named() -> None:
    Path("gridcast.toml").write_text("partitions = \n")
    with pytest.raises(SettingsError, match=r"gridcast\.toml"):
        load()
    Path("gridcast.toml").unlink()
    Path(".gridcast").mkdir()
    Path(".gridcast/local.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        load().kafka_bootstrap  # noqa: B018 - the access is what raises


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().partitions = 5  # type: ignore[misc]


def test_secrets_are_not_printed_nor_repeated_in_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(kafka_password="hush", postgres="postgresql://u:hush@h/d", schema_registry_user="me:hush")
    assert "hush" not in repr(found) + str(found) + found.model_dump_json()
    monkeypatch.setenv("GRIDCAST_LEVELS", "hush")
    with pytest.raises(SettingsError) as refused:
        load()
    assert "hush" not in str(refused.value)


def test_levels_come_as_a_list_of_numbers_with_the_median(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCAST_LEVELS", "0.1,0.5,0.9")
    assert load().levels == (0.1, 0.5, 0.9)
    for wrong in ("0.1,0.9", "0.9,0.5", "0,0.5,1"):
        monkeypatch.setenv("GRIDCAST_LEVELS", wrong)
        with pytest.raises(SettingsError, match="levels must rise"):
            load()


def test_the_home_is_absolute_whatever_the_folder_later() -> None:
    assert load().home == Path.cwd() / ".gridcast"


def test_sasl_and_tls_reach_every_kafka_client(tmp_path: Path) -> None:
    import certifi

    found = Settings(
        kafka="broker:9093",
        kafka_security="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_username="me",
        kafka_password="hush",
        kafka_ca_file=Path(certifi.where()),
    )
    native = client_config(found)
    assert native["security.protocol"] == "SASL_SSL"
    assert (native["sasl.mechanism"], native["sasl.username"]) == ("SCRAM-SHA-512", "me")
    assert (native["sasl.password"], native["ssl.ca.location"]) == ("hush", certifi.where())
    python = aiokafka_security(found)
    assert (python["security_protocol"], python["sasl_plain_password"]) == ("SASL_SSL", "hush")
    assert python["ssl_context"].verify_mode.name == "CERT_REQUIRED"
    credentials = faust_options(found)["broker_credentials"]
    assert (credentials.username, credentials.password) == ("me", "hush")
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-512"


def test_certificate_files_that_cannot_be_read_are_an_error_of_the_settings() -> None:
    found = Settings(kafka="broker:9093", kafka_security="SSL", kafka_ca_file=Path("nowhere.pem"))
    with pytest.raises(SettingsError, match="certificate files"):
        aiokafka_security(found)


def test_the_file_may_set_what_the_environment_may(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gridcast.toml").write_text(
        'levels = [0.1, 0.25, 0.5, 0.9]\nkafka_password = "x"\nlog_format = "json"\n'
    )
    found = load()
    assert found.levels == (0.1, 0.25, 0.5, 0.9)
    assert found.kafka_password.get_secret_value() == "x"


@pytest.mark.parametrize(
    "url", ["localhost:80", "ftp://host", "https://", "https://host?x=1", "http://h:port"]
)
def test_an_address_of_a_source_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GRIDCAST_OPEN_METEO_URL", url)
    with pytest.raises(SettingsError, match="setting open_meteo_url"):
        load()


def test_an_address_of_a_source_may_end_in_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCAST_NASA_POWER_URL", "http://127.0.0.1:8080/power/")
    assert load().nasa_power_url == "http://127.0.0.1:8080/power"


def test_a_secret_may_stand_in_a_file_that_a_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gridcast.toml").write_text('kafka_password = "of the settings file"\n')
    Path("secret").write_text("hush\n")
    monkeypatch.setenv("GRIDCAST_KAFKA_PASSWORD_FILE", "secret")
    assert load().kafka_password.get_secret_value() == "hush"
    assert load(kafka_password="argument").kafka_password.get_secret_value() == "argument"


def test_every_secret_and_nothing_else_has_such_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    named = re.search(
        r"A secret \((.*?)\) is best", (Path(__file__).parents[2] / "docs/settings.md").read_text(), re.S
    )
    assert named is not None
    secrets = set(re.findall(r"`(\w+)`", named[1]))
    assert secrets == {n for n, f in Settings.model_fields.items() if f.annotation is SecretStr}
    Path("secret").write_text("postgresql://u:hush@h/d")
    for name in sorted(secrets):
        monkeypatch.setenv(f"GRIDCAST_{name.upper()}_FILE", "secret")
    found = load()
    assert all(getattr(found, name).get_secret_value().endswith("hush@h/d") for name in secrets)
    monkeypatch.setenv("GRIDCAST_KAFKA_FILE", "secret")
    with pytest.raises(SettingsError, match="GRIDCAST_KAFKA_FILE is no setting"):
        load()


def test_a_secret_file_that_is_absent_empty_or_one_of_two_ways_is_refused_without_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRIDCAST_POSTGRES_FILE", "nowhere")
    with pytest.raises(SettingsError, match="GRIDCAST_POSTGRES_FILE: nowhere cannot be read"):
        load()
    Path("nowhere").write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        load()
    Path("nowhere").write_text("hush")
    monkeypatch.setenv("GRIDCAST_POSTGRES", "hush too")
    with pytest.raises(SettingsError, match="both set") as refused:
        load()
    assert "hush" not in str(refused.value)
