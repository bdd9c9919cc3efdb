"""An artifact is numbers and text: nothing that serves could run code out of one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVING = ("schemas", "models", "infra", "streams", "producers", "consumers", "cli")
#: Modules that run, or may run, what they read.
UNSAFE = frozenset(
    {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "skops"}
)
#: Calls that do so by an argument or by their nature.
UNSAFE_CALLS = frozenset({"read_pickle", "to_pickle", "unsafe_load"})
FILES = [path for folder in SERVING for path in sorted((ROOT / folder).rglob("*.py"))]


def findings(source: str) -> list[str]:
    """What in a source may run what it reads."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.partition(".")[0] in UNSAFE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in UNSAFE:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            found += _unsafe_call(node)
    return found


def _unsafe_call(call: ast.Call) -> list[str]:
    name = ast.unparse(call.func)
    allowed = [
        one for one in call.keywords if one.arg == "allow_pickle" and ast.unparse(one.value) != "False"
    ]
    last = name.rpartition(".")[2]
    unsafe = last in UNSAFE_CALLS or name in ("eval", "exec", "torch.load", "yaml.load", "yaml.unsafe_load")
    return [name] if unsafe or allowed else []


@pytest.mark.parametrize("folder", SERVING)
def test_nothing_that_serves_reads_pickles(folder: str) -> None:
    told = {
        str(path.relative_to(ROOT)): findings(path.read_text())
        for path in FILES
        if path.parts[len(ROOT.parts)] == folder
    }
    assert told
    assert {path: found for path, found in told.items() if found} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "torch.load(path)",
        "eval(text)",
        "pd.read_pickle(path)",
    ],
)
def test_the_look_finds_what_it_looks_for(source: str) -> None:
    assert findings(source)
