"""OpenAPI says what there is: schemathesis finds nothing else, examples are right, the page names all."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from consumers.api import documents
from consumers.api.examples import EXAMPLES
from consumers.api.keys import Role
from tests.integration.api.world import World
from tests.integration.workers import ROOT


def test_schemathesis_finds_no_failure(world: World, tmp_path: Path) -> None:
    command = [
        ROOT / ".venv/bin/schemathesis", "run", f"{world.url}/openapi.json", "--max-examples", "2",
        "--header", f"Authorization: Bearer {world.keys[Role.ADMIN]}", "--seed", "1",
        "--generation-database", "none",
    ]  # fmt: skip
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout[-8000:]
    assert re.search(r"Tested: (\d+)", found.stdout)[1] == str(operations(world)), found.stdout[-2000:]


def operations(world: World) -> int:
    described = world.get("/openapi.json", None).json()["paths"]
    return sum(len(methods) for methods in described.values())


def test_every_example_is_right_and_every_answer_has_one(world: World) -> None:
    for name, example in EXAMPLES.items():
        model = getattr(documents, name)
        model.model_validate(example)
        assert set(example) == set(model.model_fields), name
    for path, methods in world.get("/openapi.json", None).json()["paths"].items():
        told = methods["get"]["responses"]["200"]["content"].get("application/json")
        if told is not None and path not in ("/health", "/ready", "/version", "/api/health"):
            assert told["example"], path
        assert methods["get"]["description"], path


def test_the_page_names_every_path_and_no_other(world: World) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    named = set(re.findall(r"`(/[a-z_/{}A-Z0-9.]*)`", text))
    assert named == set(world.get("/openapi.json", None).json()["paths"]) | {"/openapi.json"}
