"""A stranger's folder becomes the canonical one with one command, and is refused by its row without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from cli.main import run
from tests.unit.producers.strangers import GUESSES, canonical, foreign, german_csv, same_files

GERMAN = ["--separator", ";", "--decimal", ","]


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return canonical(tmp_path / "known")


def strangers(known: Path, kind: str) -> Path:
    """The folder as a stranger's, its tables in files of a kind."""
    folder = known.with_name(f"stranger-{kind}")
    folder.mkdir()
    telemetry, units = foreign(known), foreign(known, "units")
    shutil.copy(known / "weather.csv.gz", folder)
    if kind == "xlsx":
        plants = pd.read_csv(known / "plants.csv")
        with pd.ExcelWriter(folder / "book.xlsx") as book:
            for name, frame in (("plants", plants), ("telemetry", telemetry), ("units", units)):
                frame.to_excel(book, sheet_name=name, index=False)
        return folder
    shutil.copy(known / "plants.csv", folder)
    if kind == "parquet":
        telemetry.to_parquet(folder / "telemetry.parquet", index=False)
        units.to_parquet(folder / "units.parquet", index=False)
    else:
        german_csv(telemetry, folder / "telemetry.csv")
        german_csv(units, folder / "units.csv")
    return folder


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_one_command_makes_the_exact_canonical_folder(kind: str, known: Path) -> None:
    out = known.with_name("out")
    extra = GERMAN if kind == "csv" else []
    assert run(["check", str(strangers(known, kind)), *GUESSES, *extra, "--write", str(out)]) == 0
    same_files(known, out)


def without(name: str) -> list[str]:
    """The guesses without one of them."""
    at = GUESSES.index(name)
    return [*GUESSES[:at], *GUESSES[at + 2 :]]


#: What is left out or wrong, with what is said of it. Row 2 is the first after the header.
WRONG: dict[str, tuple[list[str], str]] = {
    "no zone": (without("--timezone"), "row 2, column event_time: does not say its time zone"),
    "no unit": (without("--unit"), "telemetry.csv row 243, column power_kw: is 8038530 kW"),
    "kW for W": ([*GUESSES, "--unit", "kW"], "rows are over 120%: say what power is counted in with --unit"),
    "MW for W": ([*GUESSES, "--unit", "MW"], "telemetry.csv row 243, column power_kw: is 8038530000"),
    "no names": (GUESSES[:6], "telemetry.csv row 1, column event_time: is missing"),
    "a name that is nowhere": ([*GUESSES, "--map", "X=status"], "row 1, column X: is not there"),
    "a name for two": ([*GUESSES[:9], "--map", "T=wind_speed_ms"], "is the new name of two columns"),
    "a name that is taken": (
        [*GUESSES[:9], "--map", "T=plant_id"],
        "row 1, column plant_id: is there already",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_guess_is_refused_by_its_row_and_nothing_is_written(
    what: str, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, said = WRONG[what]
    out = known.with_name("out")
    folder = strangers(known, "csv")
    (folder / "units.csv").unlink()
    assert run(["check", str(folder), *GERMAN, *options, "--write", str(out)]) == 1
    assert said in capsys.readouterr().err
    assert sorted(p.name for p in known.parent.iterdir()) == ["known", "stranger-csv"]


def test_a_folder_that_is_there_is_never_written_into(
    known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(known), "--write", str(known)]) == 1
    assert "is there already and not empty" in capsys.readouterr().err


def test_a_canonical_folder_is_written_as_it_is(known: Path) -> None:
    assert run(["check", str(known), "--write", str(known.with_name("again"))]) == 0
    same_files(known, known.with_name("again"))
