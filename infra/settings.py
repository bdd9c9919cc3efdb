"""The one frozen settings object, and the only place that reads the environment.

Later sources lose: arguments, `GRIDCAST_*` variables (a secret also from the file that `GRIDCAST_NAME_FILE`
names), `gridcast.toml` (or the file that `GRIDCAST_CONFIG`
names), the endpoints of the local servers (`.gridcast/local.json`, written by `gridcast up`), defaults.
"""

from __future__ import annotations

import json
import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from schemas.errors import InputError, SettingsError

PREFIX = "GRIDCAST_"
#: What stands behind the name of a secret's variable where it names a file.
FILE = "_FILE"
#: Variables of the same prefix that are no settings: they change how a run is shown, tested or configured.
NOT_SETTINGS = frozenset(
    {
        "DEBUG",
        "CONFIG",
        "TEST_CHROMIUM",
        "TEST_SERVERS",
        "TEST_POSTGRES_TLS",
        "TEST_MOSQUITTO",
        "TEST_OPEN_METEO",
    }
)
#: A training sees every season; verdicts, bands and revisions look back two months; an alert may open again.
LEAST_KEPT_DAYS = {
    "keep_telemetry_days": 400,
    "keep_forecasts_days": 62,
    "keep_scores_days": 62,
    "keep_alerts_days": 31,
}
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Settings(BaseSettings):
    """Every setting, with its default. Durations are seconds; secrets print as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    home: Path = Field(Path(".gridcast"), description="Where local servers, logs and results are kept.")

    kafka: str = Field(
        "", description="host:port[,host:port] of Kafka; empty: the local one of `gridcast up`."
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: Path | None = Field(None, description="PEM file of the authority that signed the brokers.")
    kafka_cert_file: Path | None = Field(None, description="PEM file of this client's certificate.")
    kafka_key_file: Path | None = None
    kafka_key_password: SecretStr = SecretStr("")

    postgres: SecretStr = Field(
        SecretStr(""),
        description="postgresql://user:password@host:port/database?sslmode=...; empty: the local one.",
    )

    schema_registry: str = Field(
        "", description="URL of a Confluent-compatible registry; empty: packaged ids."
    )
    schema_registry_user: SecretStr = Field(SecretStr(""), description="name:password for the registry.")
    schema_registry_ca_file: Path | None = None

    partitions: int = Field(4, ge=1, description="Partitions of a topic keyed by plant, when it is made.")
    replication: int = Field(1, ge=1, description="Copies of each partition, when a topic is made.")
    journal_days: int = Field(400, ge=1, description="Days that the journal is kept.")

    levels: Annotated[tuple[float, ...], NoDecode] = Field(LEVELS, description="Published quantile levels.")
    worker_group: str = "gridcast-worker"
    checkpoint_every_s: float = Field(60.0, gt=0)
    commit_every_s: float = Field(2.0, gt=0)
    batch_records: int = Field(4000, ge=1, description="Most records of a batch that a worker takes at once.")
    tick_delay_s: float = Field(60.0, ge=0, description="How long an issue time waits for telemetry.")
    stall_s: float = Field(60.0, gt=0, description="No progress for so long with records waiting is a stall.")
    coverage_days: int = Field(30, ge=1, le=31, description="Days over which the coverage shown is counted.")
    coverage_by_plant: bool = Field(False, description="Whether coverage is also shown plant by plant.")

    sink_group: str = "gridcast-sink"
    sink_batch_records: int = Field(20_000, ge=1)
    sink_linger_s: float = Field(0.5, ge=0, description="How long the sink gathers records for one write.")

    weather_every_s: float = Field(3600.0, gt=0, description="How often weather is collected for a plant.")
    weather_hours: int = Field(72, ge=6, le=384, description="How many hours ahead weather is asked for.")
    weather_cache_s: float = Field(2700.0, ge=0, description="How long an answer is not asked for again.")
    weather_deadline_s: float = Field(30.0, gt=0, description="How long a whole answer may take.")
    weather_attempts: int = Field(4, ge=1, description="How often a source is asked before the next one is.")
    weather_rest_s: float = Field(300.0, gt=0, description="How long a source that fails is left alone.")
    open_meteo_url: str = Field("", description="Open-Meteo's forecasts; empty: its public hosts.")
    open_meteo_archive_url: str = Field("", description="Open-Meteo's archive; empty: its public hosts.")
    open_meteo_key: SecretStr = Field(SecretStr(""), description="Key for commercial use of Open-Meteo.")
    openweather_url: str = "https://api.openweathermap.org"
    openweather_history_url: str = "https://history.openweathermap.org"
    openweather_key: SecretStr = Field(SecretStr(""), description="Key of OpenWeather; empty: never asked.")
    nasa_power_url: str = "https://power.larc.nasa.gov"
    weather_observations: bool = Field(True, description="Whether NASA POWER's recent past is collected.")

    telemetry_password: SecretStr = Field(
        SecretStr(""), description="Password of the user that a mapping of `gridcast telemetry` names."
    )

    schedule_cron: str = Field("0 3 * * 1", description="When to train, in UTC; empty: by trigger alone.")
    schedule_look_every_s: float = Field(300.0, gt=0, description="How often the triggers are looked at.")
    schedule_cooldown_s: float = Field(86_400.0, ge=0, description="Pause after a training.")
    schedule_hold_back_days: int = Field(
        14, ge=14, le=366, description="Newest days that a candidate is judged on."
    )
    schedule_drift: bool = Field(True, description="Whether a drift event of a champion is a trigger.")
    schedule_new_plant_days: int = Field(
        28,
        ge=0,
        description="Days of telemetry after which a plant that no release knows is trained on; 0: never.",
    )
    schedule_skill_factor: float = Field(
        1.15, ge=0, description="Live errors of so many times those promised are a trigger; 0: never."
    )
    schedule_live_days: int = Field(7, ge=5, description="Least days of live scores for any verdict on them.")
    schedule_rollback: bool = Field(True, description="Whether a champion that does worse live is withdrawn.")
    schedule_rollback_factor: float = Field(
        2.0, ge=0, description="Live errors of so many times those promised withdraw a champion; 0: never."
    )

    jobs_at_once: int = Field(2, ge=1, le=64, description="Jobs that a `gridcast schedule` runs at once.")
    jobs_lost_s: float = Field(
        30.0, ge=1, description="A job whose process gave no sign for so long, and let its lock go, is lost."
    )
    jobs_days: int = Field(90, ge=1, description="Days that jobs which are over are kept.")

    api_host: str = Field("127.0.0.1", description="Address that `gridcast serve` listens on.")
    api_port: int = Field(8080, ge=0, le=65535, description="Port of `gridcast serve`; 0: a free one.")
    api_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages a browser lets ask the API, as https://a.example; empty: none."
    )
    api_proxies: str = Field(
        "", description="Addresses of reverse proxies whose X-Forwarded-For is believed; empty: none."
    )
    api_body_bytes: int = Field(1 << 20, ge=1024, description="Largest body of a request [bytes].")
    api_key_per_minute: int = Field(1200, ge=1, description="Requests of a key a minute, unless it says.")
    api_key_jobs: int = Field(20, ge=1, description="Most jobs of a key that wait or run.")
    api_address_per_minute: int = Field(6000, ge=1, description="Requests of an address a minute.")
    api_failures_per_minute: int = Field(30, ge=1, description="Wrong keys of an address a minute.")
    api_connections: int = Field(8, ge=1, description="Most connections of the API to PostgreSQL.")
    api_query_s: float = Field(10.0, gt=0, description="How long a question to PostgreSQL may take.")
    api_streams: int = Field(200, ge=1, description="Most event streams that are open at once.")
    api_weather_s: float = Field(
        10.0, gt=0, description="How long the sources of weather have for a prediction on request."
    )
    api_callback_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts that may be told when a bulk job is over, as hooks.a.example; empty: none."
    )
    api_what_if_s: float = Field(20.0, gt=0, description="How long the answer to a what-if may take.")
    api_weather_cache_s: float = Field(
        1800.0, ge=0, description="How long their answer of a place is not asked for again."
    )

    alerts_file: Path | None = Field(
        None, description="Rules and channels of `gridcast alerts`; empty: the topic alone."
    )
    alerts_group: str = "gridcast-alerts"
    alerts_webhook_secret: SecretStr = Field(
        SecretStr(""), description="whsec_...: signs the webhooks that name no secret of their own."
    )
    alerts_smtp_password: SecretStr = Field(
        SecretStr(""), description="Password of the mail channels that name none of their own."
    )

    keep_telemetry_days: int = Field(
        0, ge=0, description="Days of a plant's telemetry and weather that are kept to learn from; 0: all."
    )
    keep_forecasts_days: int = Field(400, ge=0, description="Days of a plant's forecasts kept; 0: all.")
    keep_scores_days: int = Field(0, ge=0, description="Days of a plant's scores and events kept; 0: all.")
    keep_rejects_days: int = Field(90, ge=0, description="Days that refused records are kept; 0: all.")
    keep_alerts_days: int = Field(400, ge=0, description="Days that alerts which are over are kept; 0: all.")
    keep_audit_days: int = Field(0, ge=0, description="Days of the audit trail that are kept; 0: all.")

    mlflow_uri: str = Field("", description="Tracking server of MLflow for experiments; empty: a file alone.")

    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics, /health, /ready; 0: a free one."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator(
        "open_meteo_url",
        "open_meteo_archive_url",
        "openweather_url",
        "openweather_history_url",
        "nasa_power_url",
    )
    @classmethod
    def _is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.port == 0
        if url and wrong:
            raise ValueError("it must be as http://host or https://host, with a path where there is one")
        return url.rstrip("/")

    @field_validator("schedule_cron")
    @classmethod
    def _is_cron(cls, expression: str) -> str:
        from croniter import croniter

        if expression and not croniter.is_valid(expression):
            raise ValueError("it must be a cron expression, as 0 3 * * 1 for Mondays at three")
        return expression

    @field_validator("keep_telemetry_days", "keep_forecasts_days", "keep_scores_days", "keep_alerts_days")
    @classmethod
    def _keeps_what_is_needed(cls, days: int, info: ValidationInfo) -> int:
        least = LEAST_KEPT_DAYS[str(info.field_name)]
        if 0 < days < least:
            raise ValueError(f"it must be 0, which keeps all, or at least {least}")
        return days

    @field_validator("levels", "api_origins", "api_callback_hosts", mode="before")
    @classmethod
    def _split(cls, listed: object) -> object:
        return (
            [one.strip() for one in listed.split(",") if one.strip()] if isinstance(listed, str) else listed
        )

    @field_validator("levels")
    @classmethod
    def _check_levels(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        rising = list(levels) == sorted(set(levels))
        if not {0.1, 0.5, 0.9} <= set(levels) or not rising or not 0 < levels[0] <= levels[-1] < 1:
            raise ValueError("levels must rise between 0 and 1 and hold 0.1, 0.5 and 0.9, for the scores")
        return levels

    @cached_property
    def _local(self) -> dict[str, str]:
        return local_endpoints(self.home)

    @property
    def kafka_bootstrap(self) -> str:
        """Where Kafka is; raises `SettingsError` when nobody has said."""
        return self._required(self.kafka or self._local.get("kafka", ""), "Kafka", "KAFKA")

    @property
    def postgres_dsn(self) -> SecretStr:
        """Where PostgreSQL is; raises `SettingsError` when nobody has said."""
        known = self.postgres.get_secret_value() or self._local.get("postgres", "")
        return SecretStr(self._required(known, "PostgreSQL", "POSTGRES"))

    @property
    def schema_registry_url(self) -> str | None:
        """The registry, or None: then the packaged schema ids are used."""
        return self.schema_registry or None

    @staticmethod
    def _required(value: str, what: str, name: str) -> str:
        if not value:
            raise SettingsError(f"no {what} is known: run `gridcast up`, or set {PREFIX}{name}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature of pydantic-settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        secrets = InitSettingsSource(settings_cls, _secret_files())
        return init_settings, env_settings, secrets, InitSettingsSource(settings_cls, _file_values())


def load(**overrides: Any) -> Settings:
    """The settings of this process; raises `SettingsError` with one line that names the bad key."""
    _refuse_unknown_variables()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(f"setting {key}: {first['msg']}") from None


def debugging() -> bool:
    """Whether failures shall show their traceback. Asked for before any setting is read."""
    return os.environ.get(f"{PREFIX}DEBUG", "") not in ("", "0")


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a gridcast process that this one starts: the same home, whatever its directory."""
    return {**os.environ, f"{PREFIX}HOME": str(settings.home)}


def isolated(home: Path, **values: Any) -> Settings:
    """Defaults and `values` alone, with the local servers of `home`: no variable and no file has a say."""
    defaults = {
        name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()
    }
    return Settings(**{**defaults, **values, "home": home})


def isolated_environment(home: Path, **values: Any) -> dict[str, str]:
    """The environment for a process that shall have the settings of `isolated`, run in an own folder."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    kept = {**others, f"{PREFIX}DEBUG": "1"} if debugging() else others
    told = {name: str(value) for name, value in {**values, "home": home}.items()}
    return {**kept, **{f"{PREFIX}{name.upper()}": value for name, value in told.items()}}


def local_endpoints(home: Path) -> dict[str, str]:
    """What `gridcast up` has written under `home`: `kafka` and `postgres`, or nothing."""
    found = local_document(home)
    return {name: str(found[name]) for name in ("kafka", "postgres") if found.get(name)}


def local_document(home: Path) -> dict[str, Any]:
    """The whole of `local.json` under `home`; empty where there is none. Raises `InputError`."""
    path = home / "local.json"
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text())
    except (ValueError, OSError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(found, dict):
        raise damaged(path, f"it holds a {type(found).__name__}")
    return found


def damaged(path: Path, why: str) -> InputError:
    """The plain line about a `local.json` that nobody can read."""
    return InputError(f"{path} is damaged ({why}): stop what still runs of its servers, then delete it")


def _file_values() -> dict[str, Any]:
    named = os.environ.get(f"{PREFIX}CONFIG")
    path = Path(named or "gridcast.toml")
    if not path.exists():
        if named:
            raise SettingsError(f"the settings file {path} does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _secret_names() -> list[str]:
    """The settings that print as asterisks."""
    return [name for name, field in Settings.model_fields.items() if field.annotation is SecretStr]


def _secret_files() -> dict[str, str]:
    """Secrets that stand in files, as containers are given them: never in the environment, nor in `ps`."""
    found: dict[str, str] = {}
    for name in _secret_names():
        variable = f"{PREFIX}{name.upper()}"
        path = os.environ.get(f"{variable}{FILE}", "")
        if not path:
            continue
        if os.environ.get(variable):
            raise SettingsError(f"{variable} and {variable}{FILE} are both set: keep one of them")
        try:
            found[name] = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"{variable}{FILE}: {path} cannot be read: {why}") from None
        if not found[name]:
            raise SettingsError(f"{variable}{FILE}: {path} is empty")
    return found


def _refuse_unknown_variables() -> None:
    known = {name.upper() for name in Settings.model_fields} | NOT_SETTINGS
    known |= {f"{name.upper()}{FILE}" for name in _secret_names()}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX) not in known:
            raise SettingsError(f"{variable} is no setting of gridcast")
