"""Units of systemd and configurations of reverse proxies: what they name is there."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Final

import click
import pytest

from cli.main import group
from infra.settings import PREFIX, Settings
from tests.promql_names import ROOT

FOLDER: Final = ROOT / "infra/systemd"
SERVICES: Final = sorted(FOLDER.glob("*.service"))
TIMERS: Final = sorted(FOLDER.glob("*.timer"))
PORT: Final = int(Settings.model_fields["api_port"].default)
PROXY: Final = ROOT / "infra/proxy"


class Unit(ConfigParser):
    """A unit: keys as they are written, of which some come several times."""

    def __init__(self, path: Path) -> None:
        super().__init__(interpolation=None, strict=False, delimiters=("=",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(path.read_text())
        self.text = path.read_text()

    def variables(self) -> set[str]:
        return set(re.findall(rf"^Environment=({PREFIX}\w+)=", self.text, re.MULTILINE))


def by_name(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def test_there_is_a_unit_for_each_part() -> None:
    assert {path.stem.removeprefix("gridcast-") for path in SERVICES} == {
        "worker@", "sink", "alerts", "weather", "serve", "schedule", "retention", "backup",
    }  # fmt: skip


@by_name(SERVICES)
def test_a_unit_runs_a_command_with_settings_that_are(path: Path) -> None:
    unit = Unit(path)
    line = re.search(r"/opt/gridcast/\.venv/bin/gridcast (.*)$", unit["Service"]["ExecStart"].rstrip("'"))
    assert line is not None
    word, *rest = shlex.split(line[1].replace("$$(", "").replace(")", ""))
    command = group.get_command(click.Context(group), word)
    assert command is not None
    assert {x for x in rest if x.startswith("--")} <= {x for one in command.params for x in one.opts}
    assert unit.variables() <= {PREFIX + name.upper() for name in Settings.model_fields}


@by_name([path for path in SERVICES if path.stem not in ("gridcast-retention", "gridcast-backup")])
def test_what_lasts_is_started_again_and_given_time_to_stop(path: Path) -> None:
    service = Unit(path)["Service"]
    assert service["Restart"] == "on-failure" and int(service["TimeoutStopSec"]) >= 30
    assert "RestartSec" not in service and "RestartPreventExitStatus" not in service  # common.conf has them
    assert re.fullmatch(r"\d+[MG]", service["MemoryMax"])


def test_each_process_of_a_host_has_a_port_of_its_own() -> None:
    ports = [re.findall(rf"{PREFIX}METRICS_PORT=(\S+)", path.read_text()) for path in SERVICES]
    flat = [port for one in ports for port in one]
    assert len(flat) == len(set(flat)) == 4


def test_nothing_stays_down_after_a_server_was_away_for_long() -> None:
    """A server that does not answer at the start is code 1 (docs/watchdogs.md); it may be hours."""
    common = Unit(FOLDER / "gridcast-.service.d/common.conf")
    assert common["Unit"]["StartLimitIntervalSec"] == "0"
    assert common["Service"]["RestartPreventExitStatus"].split() == ["2"]
    assert int(common["Service"]["RestartSec"]) >= 10


def test_all_of_them_run_closed_without_root() -> None:
    common = Unit(FOLDER / "gridcast-.service.d/common.conf")
    service = common["Service"]
    assert service["User"] == "gridcast" and service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict" and service["CapabilityBoundingSet"] == ""
    assert common.variables() == {"GRIDCAST_POSTGRES_FILE", "GRIDCAST_HOME"}


def test_backups_go_into_a_folder_that_systemd_makes_and_old_ones_go() -> None:
    unit = Unit(FOLDER / "gridcast-backup.service")
    line, state = unit["Service"]["ExecStart"].split(), unit["Service"]["StateDirectory"]
    assert f"%S/{state}" in line and "--dated" in line and "--keep-days" in line
    assert "ReadWritePaths" not in unit.text  # a unit does not start where such a folder is missing
    common = Unit(FOLDER / "gridcast-.service.d/common.conf")["Service"]
    assert (common["StateDirectoryMode"], common["UMask"]) == ("0700", "0077")


@by_name(TIMERS)
def test_a_timer_has_its_service(path: Path) -> None:
    assert path.with_suffix(".service").exists()
    timer = Unit(path)["Timer"]
    assert timer["OnCalendar"].endswith("UTC") and timer["Persistent"] == "true"


def test_proxies_lead_to_the_port_of_the_api_with_tls_and_gather_no_events() -> None:
    caddy, nginx = (PROXY / "Caddyfile").read_text(), (PROXY / "nginx.conf").read_text()
    for text in (caddy, nginx):
        assert f"127.0.0.1:{PORT}" in text and "Strict-Transport-Security" in text and "api_proxies" in text
    assert "flush_interval -1" in caddy and "encode" not in caddy
    assert "proxy_buffering off;" in nginx and "listen 443 ssl" in nginx and "X-Forwarded-For" in nginx
    assert "TLSv1.1" not in nginx and nginx.count("{") == nginx.count("}")
