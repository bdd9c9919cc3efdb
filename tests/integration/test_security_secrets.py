"""Nothing that a command prints, answers or logs holds a secret, however it ends."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from cli.main import COMMANDS, run
from infra.settings import Settings

NAMES = ("kafka_password", "kafka_key_password", "open_meteo_key", "openweather_key", "telemetry_password")
#: Commands with what makes them end by themselves; most fail, and say so.
CALLS = {
    "status": ["--json"],
    "up": ["--json"],
    "plants": ["list"],
    "publish": ["{home}"],
    "weather": ["--once", "--give-up", "2"],
    "telemetry": ["{mapping}", "--check"],
    "worker": [],
    "sink": ["--give-up", "2"],
    "forecast": ["la-haute-borne"],
    "train": ["--fast", "--json"],
    "schedule": ["--runs"],
    "models": ["list", "--json"],
    "backtest": ["{samples}", "--from", "nonsense"],
    "replay": ["--as", "again", "--from", "2014-01-01", "--to", "2014-01-02"],
    "score": ["--json"],
    "digest": ["power.forecasts"],
    "lag": ["--json"],
    "losses": ["--json"],
    "keys": ["list", "--json"],
    "jobs": ["list", "--json"],
    "retention": ["--dry-run", "--json"],
    "backup": ["{home}/backup"],
    "restore": ["{home}"],
    "plot": ["--out", "{home}"],
    "check": ["{samples}", "--json"],
}
#: Those that have no servers, or run for as long as they are told, or would stop the servers of the session.
ELSEWHERE = {"demo", "down", "features", "sweep", "serve", "alerts", "bench", "skill", "chaos"}
MAPPING = """[mqtt]
host = "127.0.0.1"
port = 1
user = "me"
[[plants]]
plant_id = "a"
topic = "t"
time = "at"
power = "p"
"""


@pytest.fixture
def hushed(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Every secret set, to something that nobody would say by chance; PostgreSQL refuses its password."""
    words = {name: f"hush-{secrets.token_hex(6)}" for name in (*NAMES, "postgres", "registry")}
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_DEBUG", "1")
    monkeypatch.setenv("GRIDCAST_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("GRIDCAST_WEATHER_ATTEMPTS", "1")
    for name in ("OPEN_METEO_URL", "OPENWEATHER_URL", "OPENWEATHER_HISTORY_URL", "NASA_POWER_URL"):
        monkeypatch.setenv(f"GRIDCAST_{name}", "http://127.0.0.1:1")
    for name in NAMES:
        path = tmp_path / name
        path.write_text(words[name])
        monkeypatch.setenv(f"GRIDCAST_{name.upper()}_FILE", str(path))
    parts = urlsplit(settings.postgres.get_secret_value())
    place = f"me:{quote(words['postgres'])}@{parts.hostname}:{parts.port}"
    monkeypatch.setenv("GRIDCAST_POSTGRES", urlunsplit(parts._replace(netloc=place)))
    return list(words.values())


def test_every_command_is_tried_or_has_a_reason_not_to_be() -> None:
    assert set(CALLS) | ELSEWHERE == set(COMMANDS)


@pytest.mark.parametrize("registry", [False, True], ids=["", "with a registry that refuses"])
def test_no_command_prints_or_logs_a_secret(
    hushed: list[str],
    registry: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    samples = Path(__file__).parents[2] / "samples" / "la_haute_borne"
    (tmp_path / "mapping.toml").write_text(MAPPING)
    told = {"samples": samples, "mapping": tmp_path / "mapping.toml", "home": tmp_path / "home"}
    if registry:
        monkeypatch.setenv("GRIDCAST_SCHEMA_REGISTRY", "http://127.0.0.1:1")
        monkeypatch.setenv("GRIDCAST_SCHEMA_REGISTRY_USER", f"me:{hushed[-1]}")
    some = ("forecast", "models", "score", "train") if registry else tuple(CALLS)
    for name in some:
        if name == "worker":
            continue  # it ends its process: `test_security_acls` reads what it says
        capfd.readouterr()
        code = run([name, *(one.format(**told) for one in CALLS[name])])
        out, errors = capfd.readouterr()
        assert not [word for word in hushed if word in out + errors], (name, code)
        assert out or errors, name
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert not [word for word in hushed if word.encode() in path.read_bytes()], path


@pytest.mark.slow
def test_a_dsn_that_cannot_be_read_is_refused_without_its_password(
    hushed: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for dsn in ("postgresql://me:{}@[::1/d", "{}", "postgresql://me:{}@h:port/d", "postgresql://h/d?nope={}"):
        monkeypatch.setenv("GRIDCAST_POSTGRES", dsn.format(hushed[-2]))
        for name in (["losses"], ["up"]):
            run(name)
            out, errors = capfd.readouterr()
            assert hushed[-2] not in out + errors, (dsn, name)
