"""OpenAPI says what there is: schemathesis finds nothing else, examples are right, the page names all."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from consumers.api import documents
from consumers.api.examples import EXAMPLES
from consumers.api.keys import Role
from tests.integration.api.world import World
from tests.integration.workers import ROOT

CONFIG = Path(__file__).with_name("schemathesis.toml")
BARE = ("/health", "/ready", "/version", "/api/health")


@pytest.mark.long
def test_schemathesis_finds_no_failure(world: World, tmp_path: Path) -> None:
    command = [
        ROOT / ".venv/bin/schemathesis", "--config-file", CONFIG, "run", f"{world.url}/openapi.json",
        "--max-examples", "2", "--request-timeout", "30",
        "--header", f"Authorization: Bearer {world.keys[Role.ADMIN]}", "--seed", "1",
        "--generation-database", "none",
    ]  # fmt: skip
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
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
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            for status, answer in operation["responses"].items():
                told = answer.get("content", {}).get("application/json")
                if told is not None and status < "300" and path not in BARE:
                    assert told["example"], (method, path, status)


def test_the_page_names_every_path_and_no_other(world: World) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    named = set(re.findall(r"`(/[a-z_/{}A-Z0-9.-]*)`", text))
    assert named == set(world.get("/openapi.json", None).json()["paths"]) | {"/openapi.json"}


def test_the_examples_of_the_page_work(world: World) -> None:
    text = (ROOT / "docs" / "api.md").read_text().replace("la-haute-borne", "a")
    lines = re.findall(r"^curl (.*)$", text, re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        method = "POST" if "-X POST" in line else "GET"
        role, status = (Role.READER, 200) if method == "GET" else (Role.OPERATOR, 202)
        words = shlex.split(line.replace("$KEY", world.keys[role]))
        headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
        body = dict(pairwise(words)).get("-d")
        where = words[-1].replace("http://127.0.0.1:8080", world.url)
        with httpx.stream(method, where, headers=headers, content=body) as answer:
            assert answer.status_code == status, line
    (block,) = re.findall(r"```py\n(.*?)```", text, re.DOTALL)
    code = block.replace("from gridcast_client", "from clients.gridcast_client")
    known = {"key": world.keys[Role.READER]}
    exec(compile(code.replace("http://127.0.0.1:8080", world.url), "api.md", "exec"), known)
    assert len(known["scans"]) == 192
