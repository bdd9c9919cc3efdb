"""`gridcast check` says in plain lines what a folder holds and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.check import command
from cli.main import run
from producers.folder import read_folder
from producers.report import PlantReport, report
from tests.unit.producers.folders import NOW_MS, TELEMETRY, telemetry, write


def check(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def only(folder: Path) -> PlantReport:
    (found,) = report(read_folder(folder, NOW_MS))
    return found


def test_a_good_folder_is_described(tmp_path: Path) -> None:
    result = check(str(write(tmp_path)))
    assert result.exit_code == 0
    assert "w1: wind, 1000 kW, resolution 600 s" in result.output
    assert "every row can be read" in result.output


def test_a_bad_row_is_named_and_the_exit_code_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path, telemetry=TELEMETRY.replace("110", "many"))
    assert run(["check", str(folder)]) == 1
    said = capsys.readouterr()
    what = "'many' is not a number: leave the cell empty where there is none"
    line = f"telemetry.csv row 3, column power_kw: {what}"
    assert said.out.splitlines() == [line]
    assert said.err == f"error: {folder}: {line}\n"


def test_many_faults_are_shown_in_part_and_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, telemetry=telemetry(*[f"{hour:02}:00:00Z,x" for hour in range(24)]))
    lines = check(str(folder)).output.splitlines()
    assert lines[20] == "... and 4 more"
    told = json.loads(check(str(folder), "--json").stdout)
    assert (told["usable"], told["problem_count"], len(told["problems"])) == (False, 24, 20)
    assert told["problems"][0]["row"] == 2


def test_repeats_corrections_and_late_rows_are_counted_apart(tmp_path: Path) -> None:
    rows = ("00:10:00Z,1", "00:10:00Z,1", "00:10:00Z,2", "00:30:00Z,3", "00:20:00Z,")
    found = only(write(tmp_path, telemetry=telemetry(*rows)))
    assert (found.repeats, found.corrections, found.late, found.without_power) == (1, 1, 1, 1)


def test_a_gap_is_measured(tmp_path: Path) -> None:
    found = only(write(tmp_path, telemetry=telemetry("00:10:00Z,1", "00:20:00Z,1", "06:20:00Z,1")))
    assert (found.gaps, found.longest_gap_h) == (1, 6)
