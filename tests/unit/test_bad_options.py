"""Options, settings and servers that cannot be: a plain line each, exit code 2 for usage, else 1."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.main import run
from tests.unit.producers.folders import write

ROOT = Path(__file__).parents[2]
NOWHERE = "127.0.0.1:1"
RANGE = "--from 2024-01-01T00:20 --to 2024-01-01T00:30 --out out"

#: Words after `gridcast`, and what is said; DIR is a good folder.
USAGE = {
    "publish DIR --speed nan": "'nan' is no finite number",
    "publish DIR --speed inf": "'inf' is no finite number",
    "publish DIR --speed -1": "not in the range",
    "publish DIR --speed fast": "'fast' is not a valid",
    "publish DIR --from yesterday": "'yesterday' is no time",
    "publish DIR --from 0001-01-01T00:00:00+12:00": "outside of the years 1900 to 2100",
    "publish": "Missing argument",
    f"backtest DIR {RANGE} --issue-every 0h": "'0h' is no duration",
    f"backtest DIR {RANGE} --resolution 7min": "--resolution is one of",
    f"backtest DIR {RANGE} --horizon 99999999999999999999d": "longer than 100 years",
    f"backtest DIR {RANGE} --retrain-every 99999999999mo": "longer than 100 years",
    f"backtest DIR {RANGE} --levels 0.1,0.5": "with 0.1, 0.5 and 0.9 among them",
    f"backtest DIR {RANGE} --levels nan,0.1,0.5,0.9": "levels lie between 0 and 1",
    f"backtest DIR {RANGE} --levels ,": "are no levels",
    f"backtest DIR {RANGE} --seed -1": "not in the range",
    f"backtest DIR {RANGE} --seed 99999999999999999999": "not in the range",
    "backtest DIR --from 2024-01-02 --to 2024-01-01 --out out": "--to must lie after --from",
    "backtest DIR --from 2024-01-01 --to 2099-01-01 --issue-every 1s --out out": "give a shorter range",
    "replay --from 2020-01-02 --to 2020-01-01 --as x": "--from must be before --to",
    "digest power.forecasts --from 2020-01-02 --to 2020-01-01": "--from must be before --to",
    "score live --from 2020-01-02 --to 2020-01-01": "--from must be before --to",
    "replay --from 2020-01-01 --to 2020-01-02": "Missing option '--as'",
    "train --hold-back 1mo": "'1mo' is no duration",
    "train --name a|b": "'a|b' is no name",
    "train --seed x": "not a valid integer",
    "train --correction prophet": "no correction is called 'prophet'; there are net, mean, lstm-single",
    "train --plant a --for b": "--plant and --for do not go together",
    "schedule --cron never": "it must be a cron expression",
    "plants add x --kind tidal --capacity 5": "'tidal' is not one of",
    "plants add x --kind wind --capacity much": "'much' is not a valid float",
    "sink --give-up nan": "'nan' is no finite number",
    "sink --metrics-port 99999": "not in the range",
    "worker --metrics-port -1": "not in the range",
}

#: Settings by name without the prefix, and what is said of them.
SETTINGS = {
    ("KAFKA_SECURITY", "foo"): "setting kafka_security: Input should be",
    ("KAFKA_SECURITY", "SASL_SSL"): "the settings for Kafka cannot be used",
    ("PARTITIONS", "0"): "setting partitions: ",
    ("LEVELS", "a,b"): "setting levels",
    ("CONFIG", "/nowhere.toml"): "the settings file /nowhere.toml does not exist",
    ("CONFIG", "."): ".: ",
    ("SCHEDULE_CRON", "61 * * * *"): "setting schedule_cron: ",
    ("SCHEDULE_HOLD_BACK_DAYS", "7"): "setting schedule_hold_back_days: ",
    ("KAFKAA", "x"): "GRIDCAST_KAFKAA is no setting of gridcast",
}


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRIDCAST_KAFKA", NOWHERE)
    monkeypatch.setenv("GRIDCAST_POSTGRES", f"postgresql://u:secret@{NOWHERE}/x")
    return tmp_path


def expect_line(err: str, said: str) -> None:
    lines = [line for line in err.splitlines() if line.lower().startswith("error: ")]
    assert len(lines) == 1, err
    assert said in lines[0]
    assert "Traceback" not in err
    assert "GRIDCAST_DEBUG" not in err, "not foreseen"
    assert "secret" not in err


@pytest.mark.parametrize("line", USAGE)
def test_an_option_that_cannot_be_is_wrong_usage(
    line: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write(nowhere / "folder"))
    words = [folder if word == "DIR" else word for word in line.split()]
    assert run(words) == 2
    expect_line(capsys.readouterr().err, USAGE[line])


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_setting_that_cannot_be_is_named(
    name: str, value: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"GRIDCAST_{name}", value)
    assert run(["plants", "list"]) == 1
    expect_line(capsys.readouterr().err, SETTINGS[name, value])


@pytest.mark.parametrize("text", [b"kafka = [1", b"\xff\xfe", b"kafkaa = 'x'", b"kafka = 5"])
def test_a_settings_file_that_cannot_be_read_is_named(
    text: bytes, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / "gridcast.toml").write_bytes(text)
    if text == b"kafka = 5":
        os.environ.pop("GRIDCAST_KAFKA")
    assert run(["plants", "list"]) == 1
    expect_line(
        capsys.readouterr().err, "kafka" if b"kafka" in text and b"[" not in text else "gridcast.toml: "
    )


@pytest.mark.parametrize("dsn", ["garbage", "postgresql://u:secret@[::1", "postgresql://u:sec%ZZret@h/db"])
def test_a_connection_string_that_cannot_be_read_is_never_shown(
    dsn: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDCAST_POSTGRES", dsn)
    assert run(["status"]) in (0, 1)
    told = capsys.readouterr()
    assert "GRIDCAST_POSTGRES cannot be read" in told.out + told.err
    assert "sec%" not in told.out + told.err
    assert "secret" not in told.out + told.err


@pytest.mark.parametrize("text", ["{", "[]", "5"])
def test_a_damaged_file_of_the_local_servers_is_named(
    text: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GRIDCAST_KAFKA")
    (nowhere / "home").mkdir()
    (nowhere / "home" / "local.json").write_text(text)
    for command in (["plants", "list"], ["status"], ["up"]):
        assert run(command) == 1
        expect_line(capsys.readouterr().err, "local.json is damaged")


@pytest.mark.parametrize("out", ["folder/plants.csv", "/proc/nowhere"])
def test_results_that_cannot_be_written_are_a_plain_line(
    out: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write(nowhere / "folder"))
    words = ["--from", "2024-01-01T00:20", "--to", "2024-01-01T00:30", "--out", out]
    assert run(["backtest", folder, *words]) == 1
    expect_line(capsys.readouterr().err, out)


#: Commands that need a server, each within its own patience.
NEEDY = [
    "publish DIR --speed 0",
    "worker",
    "sink --give-up 2",
    "train",
    "schedule --once",
    "replay --from 2020-01-01 --to 2020-01-02 --as x",
    "plants list",
    "plants add x --kind wind --capacity 3",
    "forecast x",
    "models list",
    "lag",
    "digest power.forecasts",
    "score x",
]
BOUND_S = 90.0


@pytest.mark.slow
def test_without_servers_every_command_ends_with_one_plain_line(nowhere: Path) -> None:
    """All at once, for each of them waits."""
    folder = str(write(nowhere / "folder"))
    began = time.monotonic()
    running = {
        line: subprocess.Popen(
            [sys.executable, "-m", "cli", *(folder if word == "DIR" else word for word in line.split())],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in NEEDY
    }
    for line, process in running.items():
        out, err = process.communicate(timeout=max(BOUND_S - (time.monotonic() - began), 1.0))
        assert process.returncode == 1, (line, err)
        assert out == "", line
        expect_line(err, "does not answer")  # Kafka, or PostgreSQL where that is asked first
        assert NOWHERE in err, line
