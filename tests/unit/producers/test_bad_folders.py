"""What people hand over in place of a canonical folder: three commands say the same line of it."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.main import run
from tests.unit.producers.folders import PLANTS, TELEMETRY

HEADER = TELEMETRY.splitlines()[0]
WEATHER = (
    "plant_id,source,published_at,valid_at,wind_speed_100m_ms\n"
    "w1,nwp,2024-01-01T00:00:00Z,2024-01-01T02:00:00Z,7\n"
)
UNITS = "plant_id,unit_id,event_time,power_kw\nw1,t1,2024-01-01T00:10:00Z,50\n"
A_FOLDER = "a folder"

Files = Mapping[str, bytes | str]


def row(cell: str, stamp: str = "2024-01-01T00:40:00Z") -> str:
    """The telemetry with a row 5 of this power."""
    return f"{TELEMETRY}w1,{stamp},{cell}\n"


def with_zone(zone: str) -> str:
    header, plant = PLANTS.splitlines()
    return f"{header},timezone\n{plant},{zone}\n"


#: By file: what stands there, and what is said of it.
BAD: dict[str, dict[str, tuple[bytes | str, str]]] = {
    "telemetry.csv": {
        "semicolons": (TELEMETRY.replace(",", ";"), "row 1: cells are parted by ';'"),
        "tabs": (TELEMETRY.replace(",", "\t"), "row 1: cells are parted by tabs"),
        "a decimal comma": (row('"1,5"'), "row 5, column power_kw: '1,5' is not a number: decimals"),
        "a column twice": (f"{HEADER},power_kw\n", "row 1, column power_kw: stands twice"),
        "a blank first row": (f"\n{TELEMETRY}", "row 1: is blank"),
        "a lost comma": (f"{TELEMETRY}w1,2024-01-01T00:40:00Z\n", "row 5: has 2 cells where"),
        "text for a number": (row("many"), "row 5, column power_kw: 'many' is not a number"),
        "a number too large": (row("1e999"), "row 5, column power_kw: '1e999' is not a finite"),
        "hexadecimal": (row("0x10"), "row 5, column power_kw: '0x10' is not a number"),
        "a cell without end": (row("x" * 100_000), "row 5, column power_kw: 'xxx"),
        "a day that is not": (row("1", "2024-02-30T00:00:00Z"), "row 5, column event_time: '2024-02-30"),
        "a stamp in seconds": (row("1", "1704067200"), "row 5, column event_time: '1704067200' is no"),
        "the year 9999": (row("1", "9999-12-31T23:59:59-12:00"), "row 5, column event_time: '9999"),
        "the year 0": (row("1", "0001-01-01T00:00:00+10:00"), "row 5, column event_time: '0001"),
        "no zone": (row("1", "2024-01-01 00:40"), "row 5, column event_time: '2024-01-01 00:40' does not"),
        "Latin-1": (row("1").encode() + b"w\xe91,,\n", "row 6: has a byte that is no UTF-8 (0xe9)"),
        "UTF-16": (TELEMETRY.encode("utf-16"), "telemetry.csv: is UTF-16: save it as UTF-8"),
        "gzip by another name": (gzip.compress(TELEMETRY.encode()), "is gzip, whatever its name says"),
        "a folder for a file": (A_FOLDER, "telemetry.csv: is a folder: a file is needed"),
    },
    "plants.csv": {
        "an empty file": ("", "plants.csv: is empty"),
        "a header alone": (PLANTS.splitlines()[0], "plants.csv: has no plant"),
        "a plant without end": (PLANTS.replace("1000", "1e300"), "'w1': capacity_kw is 1e+300"),
        "a plant of no power": (PLANTS.replace("1000", "0"), "row 2, column capacity_kw: 0 is no capacity"),
        "a NUL in a name": (f"{PLANTS}w\0,wind,9,,,600\n", "characters that cannot be shown"),
        "a zone that is a folder": (with_zone("Europe"), "column timezone: 'Europe' is no time zone"),
        "a zone of another world": (with_zone("Mars/X"), "column timezone: 'Mars/X' is no time zone"),
        "a place off the globe": (PLANTS.replace("50.0", "500"), "row 2, column latitude: 500 is out"),
    },
    "weather.csv": {
        "words": (WEATHER.replace(",7", ",windy"), "row 2, column wind_speed_100m_ms: 'windy'"),
        "no column": ("plant_id,source,published_at,valid_at\n", "row 1: has no weather column"),
    },
    "weather.csv.gz": {
        "no gzip": (WEATHER, "weather.csv.gz: is not gzip, whatever its name says"),
        "half a gzip": (
            gzip.compress((WEATHER * 500).encode())[:60],
            "cannot be read (Compressed file ended",
        ),
    },
    "units.csv": {
        "a unit of nobody": (UNITS.replace("w1", "w9"), "row 2, column plant_id: 'w9' is not in plants.csv"),
        "words": (UNITS.replace(",50", ",a lot"), "row 2, column power_kw: 'a lot' is not a number"),
    },
}
CASES = [(file, what) for file, cases in BAD.items() for what in cases]

COMMANDS = {
    "check": ["check"],
    "publish": ["publish", "--speed", "0"],
    "backtest": ["backtest", "--from", "2024-01-01", "--to", "2024-01-02", "--out", "out"],
}


def folder_of(home: Path, files: Files) -> Path:
    folder = home / "folder"
    wanted = {"plants.csv": PLANTS, "telemetry.csv": TELEMETRY} | dict(files)
    folder.mkdir()
    for name, content in wanted.items():
        if content is A_FOLDER:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, without any server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRIDCAST_KAFKA", "127.0.0.1:1")
    return tmp_path


def expect_one_plain_line(command: str, folder: Path, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = COMMANDS[command]
    assert run([words[0], str(folder), *words[1:]]) == 1
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, err
    assert said in lines[0]
    assert len(lines[0]) < 400
    assert "Traceback" not in err
    assert "GRIDCAST_DEBUG" not in err, "not foreseen"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("file", "what"), CASES)
def test_a_bad_folder_is_one_plain_line_that_names_the_place(
    file: str, what: str, command: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, said = BAD[file][what]
    expect_one_plain_line(command, folder_of(nowhere, {file: content}), said, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_folder_an_empty_one_and_a_file_are_said_to_be_so(
    command: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / "empty").mkdir()
    (nowhere / "file").touch()
    for name, said in (
        ("none", "is no folder"),
        ("empty", "is empty: it needs plants.csv"),
        ("file", "is no folder"),
    ):
        expect_one_plain_line(command, nowhere / name, said, capsys)


@pytest.mark.parametrize(
    "files",
    [
        {"telemetry.csv": TELEMETRY.replace("\n", "\r\n")},
        {
            "telemetry.csv": b"\xef\xbb\xbf" + TELEMETRY.encode(),
            "plants.csv": b"\xef\xbb\xbf" + PLANTS.encode(),
        },
        {"telemetry.csv": TELEMETRY.replace(",", " , ")},
        {"telemetry.csv": TELEMETRY.rstrip("\n")},
        {"telemetry.csv": HEADER},
        {"weather.csv": WEATHER.splitlines()[0]},
    ],
    ids=["CRLF", "byte order mark", "blanks", "no last newline", "no row", "no weather row"],
)
def test_what_only_looks_odd_is_read(files: Files, nowhere: Path) -> None:
    assert run(["check", str(folder_of(nowhere, files))]) == 0


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("-9999", "the run has no value at all"),
        ("7\nw1,nwp,2024-01-01T00:00:00Z,2034-01-01T00:00:00Z,7", "160 days"),
    ],
)
def test_a_run_that_the_worker_will_refuse_is_told_before(
    cell: str, said: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(nowhere, {"weather.csv": WEATHER.replace(",7", f",{cell}")})
    assert run(["check", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "note: weather.csv: 1 runs will be refused, the first of w1" in out
    assert said in out
