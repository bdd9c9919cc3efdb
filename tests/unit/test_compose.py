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
#: As Docker reads it where no variable is set: `${NAME:-default}` is the default.
TEXT = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.kafka.yml").read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services with YAML's anchors and merges resolved."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
    return found


def test_it_is_a_compose_file_of_the_specification() -> None:
    merged = yaml.safe_dump(yaml.safe_load(TEXT))
    parsed = PyCompose.from_yaml(merged)
    assert set(parsed.service_names()) == {
        "kafka", "postgres", "registry", "setup", "producer", "weather", "worker", "sink",
        "alerts", "schedule",
    }  # fmt: skip


def test_the_checker_refuses_what_is_no_compose_file() -> None:
    with pytest.raises(ValueError, match="unknown variant"):
        PyCompose.from_yaml("services:\n  a:\n    image: b\n    depends_on: {c: {condition: whenever}}\n")


def test_every_variable_of_ours_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = {name for service in services.values() for name in service["environment"] if PREFIX in name}
    words = (ROOT / "Dockerfile").read_text().split()
    in_image = {word.partition("=")[0] for word in words if word.startswith(PREFIX)}
    assert ours and in_image
    assert ours | in_image <= known


def test_every_command_of_ours_is_one(services: dict[str, dict[str, Any]]) -> None:
    context = click.Context(group)
    for name in ("setup", "producer", "worker", "sink", "alerts", "schedule"):
        command = services[name]["command"][0]
        assert group.get_command(context, command) is not None, f"service {name}: no command {command}"


def test_whoever_needs_a_server_waits_until_it_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    for name in ("kafka", "postgres", "registry", "worker", "sink", "alerts"):
        assert "healthcheck" in services[name], name
    assert set(services["setup"]["depends_on"]) == {"kafka", "postgres", "registry"}
    for name in ("producer", "worker", "sink"):
        assert services[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


def test_nothing_listens_beyond_the_host(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_images_of_servers_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name in ("kafka", "postgres", "registry"):
        image, _, tag = services[name]["image"].partition(":")
        assert image and tag and tag != "latest"
