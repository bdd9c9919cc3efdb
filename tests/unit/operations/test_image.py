"""The image: no root, torch in the training one alone, one lock for both."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import Any, Final

import yaml

from tests.promql_names import ROOT

TEXT: Final = (ROOT / "Dockerfile").read_text()
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Commands that an image without torch has to run; `train`, `sweep` and `backtest` learn.
WITHOUT_TORCH: Final = (
    "up", "status", "plants", "publish", "weather", "telemetry", "worker", "sink", "serve", "alerts", "keys",
    "models", "forecast", "lag", "digest", "score", "losses", "replay", "retention", "backup", "restore",
    "check", "schedule",
)  # fmt: skip
#: What those import when they run, beside what they import at once.
WHEN_RUN: Final = (
    "streams.app", "streams.worker", "consumers.run", "consumers.alerts.run", "consumers.api.server",
    "consumers.retention", "cli.backup.run", "producers.weather.once",
)  # fmt: skip
HIDDEN: Final = """
import sys
class Hidden:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"{name} is hidden", name=name)
sys.meta_path.insert(0, Hidden())
from importlib import import_module
for module in sys.argv[1:]:
    import_module(module)
assert "torch" not in sys.modules
"""


def stages() -> dict[str, str]:
    """The body of each stage by name."""
    found = re.split(r"^FROM \S+ AS (\S+)$", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def test_nothing_runs_as_root_and_both_targets_are_there() -> None:
    for target in ("runtime", "train"):
        users = re.findall(r"^USER (\S+)$", stages()[target], re.MULTILINE)
        assert users == ["10001:10001"]
    assert "--uid 10001" in stages()["base"]
    assert list(stages())[-1] == "runtime"  # what `docker build .` makes


def test_torch_is_asked_for_by_the_training_image_alone() -> None:
    extras = {
        name: set(re.findall(r'"\.\[([\w,]+)\]"', body)[0].split(","))
        for name, body in stages().items()
        if '".[' in body
    }
    assert extras == {"build": {"live"}, "build-train": {"live", "train"}}
    holding = {
        name
        for name, wanted in PROJECT["optional-dependencies"].items()
        if any(w.startswith("torch") for w in wanted)
    }
    assert holding == {"train"} and not any(w.startswith("torch") for w in PROJECT["dependencies"])
    assert "COPY --from=build-train" in stages()["train"] and "COPY --from=build /opt" in stages()["runtime"]


def test_every_installation_takes_its_versions_from_the_one_lock() -> None:
    for line in re.findall(r"pip install .*", TEXT):
        assert "--constraint requirements.lock" in line or "--no-deps --editable ." in line


def test_what_the_image_copies_is_there_and_every_package_is_copied() -> None:
    copied = set(re.findall(r"^COPY (?:--chown=\S+ )?(\w+) \w+$", TEXT, re.MULTILINE))
    assert copied == {"schemas", "models", "infra", "streams", "producers", "consumers", "cli"}
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not copied & set(ignored) and ".env" in ignored


def test_what_runs_without_training_needs_no_torch() -> None:
    modules = [f"cli.{name}" for name in WITHOUT_TORCH] + list(WHEN_RUN)
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN, *modules], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_compose_builds_the_two_targets() -> None:
    text = re.sub(r"\$\{\w+:[?-][^}]*\}", "x", (ROOT / "docker-compose.kafka.yml").read_text())
    services = yaml.safe_load(text)["services"]
    assert (
        services["setup"]["build"]["target"] == "runtime"
        and services["schedule"]["build"]["target"] == "train"
    )
    assert services["schedule"]["image"] != services["worker"]["image"]
