"""The command line's promises: one plain line, the right exit code, machines get JSON, help is instant."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
import pytest

from cli import main as cli_main
from cli.main import COMMANDS, group, module_of, run
from cli.output import emit, iso, progress, table
from schemas.errors import InputError, ServiceUnavailable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """A command `boom` that raises what the test puts under "error"."""
    raised: dict[str, BaseException] = {}

    @click.command()
    def boom() -> None:
        raise raised["error"]

    original = cli_main.LazyGroup.get_command
    monkeypatch.setattr(
        cli_main.LazyGroup,
        "get_command",
        lambda self, ctx, name: boom if name == "boom" else original(self, ctx, name),
    )
    return raised


@pytest.mark.parametrize("error", [InputError("row 3,\n column power_kw"), ServiceUnavailable("no Kafka")])
def test_a_failure_is_one_plain_line_and_exit_code_1(
    error: Exception, failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing["error"] = error
    assert run(["boom"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {' '.join(str(error).split())}\n"


def test_an_unforeseen_failure_is_a_line_too(
    failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing["error"] = ZeroDivisionError("by zero")
    assert run(["boom"]) == 1
    assert capsys.readouterr().err == "error: ZeroDivisionError: by zero (GRIDCAST_DEBUG=1 shows where)\n"
    monkeypatch.setenv("GRIDCAST_DEBUG", "1")
    assert run(["boom"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--nonsense"]) == 2
    assert run(["nonsense"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_interruption_is_no_traceback(
    failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing["error"] = KeyboardInterrupt()
    assert run(["boom"]) == 130
    assert capsys.readouterr().err.strip() == "error: interrupted"


def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDCAST_PARTITIONS", "none")
    assert run(["down"]) == 1
    assert capsys.readouterr().err.startswith("error: setting partitions: ")


def commands() -> list[str]:
    """The commands whose file is there."""
    return group.list_commands(click.Context(group))


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Example" in out, f"gridcast {name} --help shows no example"
    assert f"gridcast {name}" in out


def all_options(command: click.Command) -> list[str]:
    """The options of a command, or of any of its commands."""
    below = command.commands.values() if isinstance(command, click.Group) else []
    own = [option for parameter in command.params for option in parameter.opts]
    return own + [option for child in below for option in all_options(child)]


@pytest.mark.parametrize("name", commands())
def test_every_command_speaks_json(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert "--json" in all_options(command), f"gridcast {name} has no --json"


def test_the_help_lists_the_commands_that_are_there_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        place = ROOT / module_of(name).replace(".", "/")
        there = place.with_suffix(".py").exists() or (place / "__init__.py").exists()
        assert (f"\n  {name} " in listed) == there, name


def test_the_help_loads_nothing_that_takes_time() -> None:
    code = (
        "import sys; from cli.main import run; run(['--help']); slow = {'numpy', 'pandas', 'faust', 'rich', "
        "'confluent_kafka', 'psycopg2'}; sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_and_a_sink_hold_no_pandas() -> None:
    code = (
        "import sys, cli.sink; from unittest import mock; import click.testing; import cli.worker\n"
        "for command in (cli.worker.command, cli.sink.command):\n"
        "    with mock.patch(command.callback.__module__ + '.begin', side_effect=SystemExit):\n"
        "        click.testing.CliRunner().invoke(command, [])\n"
        "from models import sun; import lightgbm, numpy as np; sun.daylight(48.0, 5.0, np.array([0]), 900)\n"
        "sys.exit(', '.join({'pandas', 'requests', 'scipy.optimize'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_says_times_paths_and_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "at": datetime(2014, 10, 1, tzinfo=UTC),
        "path": Path("a/b"),
        "array": np.array([1.5, 2.0]),
        "scalar": np.int64(3),
        "set": {"b", "a"},
    }
    emit(document, as_json=True, lines=["for people"])
    assert json.loads(capsys.readouterr().out) == {
        "at": "2014-10-01T00:00:00Z",
        "path": "a/b",
        "array": [1.5, 2.0],
        "scalar": 3,
        "set": ["a", "b"],
    }
    emit(document, as_json=False, lines=["for people"])
    assert capsys.readouterr().out == "for people\n"


def test_a_table_lines_up_numbers_to_the_right() -> None:
    rows = [{"plant": "north", "kw": 12.5}, {"plant": "b", "kw": None}]
    assert list(table(rows)) == ["plant    kw", "north  12.5", "b         -"]
    assert list(table([])) == []


def test_times_are_iso_8601_in_utc() -> None:
    assert iso(1_412_121_600_000) == "2014-10-01T00:00:00Z"
    assert iso(1_412_121_600_250) == "2014-10-01T00:00:00.250Z"


def test_progress_without_a_terminal_is_plain_and_quiet_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress("loading", 10) as advance:
        advance(5, "half")
    with progress("loading", 10, quiet=True) as advance:
        advance(5, "half")
    assert capsys.readouterr().err == ""
