"""The compose file is a valid one, and says nothing that gridcast would not understand."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from compose_spec import PyCompose

from cli.main import group
from infra.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "docker-compose.kafka.yml").read_text()
#: As Docker reads it: `${NAME:-default}` is the default where NAME is not set, `${NAME:?why}` must be set.
TEXT = re.sub(r"\$\{\w+:\?[^}]*\}", "told", re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", FILE))
SERVERS = {"kafka", "postgres", "registry", "prometheus", "grafana"}
LASTING = {"worker", "sink", "alerts", "weather", "api", "schedule"}
#: They do their work and end.
ENDING = {"setup", "producer", "retention", "backup"}
METRICS_PORT = 9400


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services with YAML's anchors and merges resolved."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
    return found


def test_it_is_a_compose_file_of_the_specification() -> None:
    merged = yaml.safe_dump(yaml.safe_load(TEXT))
    assert set(PyCompose.from_yaml(merged).service_names()) == SERVERS | LASTING | ENDING


def test_the_checker_refuses_what_is_no_compose_file() -> None:
    with pytest.raises(ValueError, match="unknown variant"):
        PyCompose.from_yaml("services:\n  a:\n    image: b\n    depends_on: {c: {condition: whenever}}\n")


def test_every_variable_of_ours_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    environments = [service.get("environment", {}) for service in services.values()]
    ours = {name for environment in environments for name in environment if PREFIX in name}
    words = (ROOT / "Dockerfile").read_text().split()
    in_image = {word.partition("=")[0] for word in words if word.startswith(PREFIX)}
    assert ours and in_image
    assert ours | in_image <= known


def test_every_command_and_option_of_ours_is_one(services: dict[str, dict[str, Any]]) -> None:
    context = click.Context(group)
    for name in LASTING | ENDING:
        word, *rest = services[name]["command"]
        command = group.get_command(context, word)
        assert command is not None, f"service {name}: no command {word}"
        options = {option for parameter in command.params for option in parameter.opts}
        assert {one for one in rest if one.startswith("--")} <= options, name


def test_what_lasts_is_healthy_or_started_again(services: dict[str, dict[str, Any]]) -> None:
    for name in (SERVERS | LASTING) - {"schedule"}:
        assert "test" in services[name]["healthcheck"], name
        assert services[name]["restart"] == "unless-stopped"
    for name in ENDING:
        assert services[name]["healthcheck"] == {"disable": True}, name


def test_a_part_is_asked_for_its_health_on_its_own_port(services: dict[str, dict[str, Any]]) -> None:
    port = int(Settings.model_fields["api_port"].default)
    for name in LASTING - {"schedule"}:
        asked = services[name]["healthcheck"]["test"][-1]
        assert f"localhost:{port if name == 'api' else METRICS_PORT}/health" in asked
    assert services["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"GRIDCAST_METRICS_PORT={METRICS_PORT}" in (ROOT / "Dockerfile").read_text()


def test_whoever_needs_a_server_waits_until_it_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    healthy = {"condition": "service_healthy"}
    assert services["setup"]["depends_on"] == dict.fromkeys(("kafka", "postgres", "registry"), healthy)
    for name in (LASTING | ENDING) - {"setup"}:
        assert services[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


def test_everything_is_limited_and_may_do_little(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0 and re.fullmatch(r"\d+[MG]", limits["memory"]), name
    for name in LASTING | ENDING:
        assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
        written = {str(one).partition(":")[0] for one in services[name]["tmpfs"]}
        written |= {one.split(":")[1] for one in services[name].get("volumes", [])}
        assert {"/tmp", "/home/gridcast/.gridcast"} <= written, name


def test_every_secret_stands_in_the_file_of_variables(services: dict[str, dict[str, Any]]) -> None:
    told = dict(
        line.split("=", 1) for line in (ROOT / "infra/compose.env").read_text().splitlines() if "=" in line
    )
    asked = set(re.findall(r"\$\{(\w+)", FILE)) - {"PUBLISH_FOLDER"}
    secrets = {one["environment"] for one in yaml.safe_load(TEXT)["secrets"].values()}
    assert set(told) == asked | secrets
    assert ".env" in (ROOT / ".gitignore").read_text().split()
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or "told" in str(value) or not value


def test_nothing_listens_beyond_the_host(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_images_of_servers_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name in SERVERS:
        image, _, tag = services[name]["image"].partition(":")
        assert image and tag and tag != "latest"


def test_what_is_mounted_is_there(services: dict[str, dict[str, Any]]) -> None:
    named = set(yaml.safe_load(TEXT)["volumes"])
    for service in services.values():
        for one in service.get("volumes", []):
            source = one.split(":")[0]
            assert source in named or (ROOT / source).exists(), one


def test_a_volume_of_ours_takes_its_owner_from_a_folder_of_the_image(
    services: dict[str, dict[str, Any]],
) -> None:
    """A volume on a folder that the image has not is root's, and we are not root."""
    named = set(yaml.safe_load(TEXT)["volumes"])
    (made,) = re.findall(
        r"install --directory --owner gridcast (.*)$", (ROOT / "Dockerfile").read_text(), re.M
    )
    places = [one.split(":") for name in LASTING | ENDING for one in services[name].get("volumes", [])]
    targets = {place[1] for place in places if place[0] in named}
    assert targets and targets <= set(made.split())


def test_who_asks_or_tells_others_has_the_secrets_for_it(services: dict[str, dict[str, Any]]) -> None:
    """The API and jobs ask for weather of any place, and sign the callbacks that a job is done with."""
    has = {
        secret: {name for name in LASTING if f"GRIDCAST_{secret}" in services[name]["environment"]}
        for secret in ("OPEN_METEO_KEY", "OPENWEATHER_KEY", "ALERTS_WEBHOOK_SECRET")
    }
    asking = {"weather", "api", "schedule"}
    assert has["OPEN_METEO_KEY"] == has["OPENWEATHER_KEY"] == asking
    assert has["ALERTS_WEBHOOK_SECRET"] == {"alerts", "api", "schedule"}
    for name in LASTING:
        assert "GRIDCAST_KAFKA" in services[name]["environment"]


def test_a_publisher_that_is_started_again_knows_how_far_it_has_come(
    services: dict[str, dict[str, Any]],
) -> None:
    kept = {one.split(":")[-1] for one in services["producer"]["volumes"] if "/data" not in one}
    assert kept == {"/home/gridcast/.gridcast"} and services["producer"]["tmpfs"] == ["/tmp"]


def test_each_backup_has_a_folder_of_its_own(services: dict[str, dict[str, Any]]) -> None:
    assert {"--dated", "--keep-days"} <= set(services["backup"]["command"])


def test_prometheus_asks_the_services_that_answer(services: dict[str, dict[str, Any]]) -> None:
    parts, api = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]
    (found,) = parts["dns_sd_configs"]
    assert set(found["names"]) == LASTING - {"api", "schedule"} and found["port"] == METRICS_PORT
    assert api["static_configs"] == [{"targets": ["api:8080"]}]
    mounted = {one.split(":")[1] for one in services["prometheus"]["volumes"]}
    assert {"/etc/prometheus/prometheus.yml", "/etc/prometheus/rules"} <= mounted
    assert api["authorization"]["credentials_file"] == f"/run/secrets/{services['prometheus']['secrets'][0]}"


def test_prometheus_tells_whoever_is_named_in_a_folder(services: dict[str, dict[str, Any]]) -> None:
    told = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["alerting"]
    (found,) = told["alertmanagers"][0]["file_sd_configs"]
    places = dict(one.split(":")[:2] for one in services["prometheus"]["volumes"])
    (source,) = [here for here, there in places.items() if there == str(Path(found["files"][0]).parent)]
    text = next((ROOT / source).glob("*.yml")).read_text()
    assert yaml.safe_load(text) == []  # nobody, until somebody is named
    (line,) = re.findall(r"^#   (- targets: .*)$", text, re.M)
    assert yaml.safe_load(line) == [{"targets": ["alertmanager:9093"]}]


def test_the_example_of_an_alertmanager_names_alerts_and_receivers_that_are() -> None:
    told = yaml.safe_load((ROOT / "infra/prometheus/alertmanager.example.yml").read_text())
    receivers = {one["name"] for one in told["receivers"]}
    assert {told["route"]["receiver"], *(one["receiver"] for one in told["route"]["routes"])} == receivers
    rules = (ROOT / "infra/prometheus/rules/gridcast-alerts.yml").read_text()
    known = set(re.findall(r"- alert: (\w+)", rules))
    assert set(re.findall(r"Gridcast\w+", str(told["inhibit_rules"]))) <= known


def test_grafana_finds_its_dashboards_and_prometheus(services: dict[str, dict[str, Any]]) -> None:
    grafana = services["grafana"]
    mounted = {one.split(":")[1] for one in grafana["volumes"]}
    assert {"/etc/grafana/provisioning", "/var/lib/grafana/dashboards"} <= mounted
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / "infra/grafana/dashboards" / home.name).exists()
    assert grafana["environment"]["PROMETHEUS_URL"] == "http://prometheus:9090"
