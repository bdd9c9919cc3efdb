"""`gridcast check`: what a folder holds, and what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.check_options import conversion_options, guesses_of
from cli.output import emit, iso, json_option

if TYPE_CHECKING:
    from producers.folder import Folder
    from producers.problems import BadFolder
    from producers.report import PlantReport


@click.command(
    epilog="Example:  gridcast check export --timezone Europe/Paris --stamp start --unit W --map P=power_kw "
    "--write mine"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@conversion_options
@json_option
def command(folder: Path, out: Path | None, as_json: bool, **options: Any) -> None:
    """Read a folder and say what is wrong with it, by row and column, or make a canonical one.

    DIR is a folder with plants, telemetry and perhaps units and weather, or one file with telemetry, as .csv,
    .csv.gz, .xlsx or .parquet. Rows are lines of the file; the header is row 1. Exit code 1 when it cannot be
    used as it is.
    """
    from producers.check import read_as
    from producers.convert.guesses import Guesses
    from producers.convert.write import refuse_filled, write_folder
    from producers.folder import read_folder
    from producers.problems import BadFolder
    from producers.report import report

    guesses, now_ms = guesses_of(options), int(time.time() * 1000)
    if out is not None:
        refuse_filled(out)
    try:
        if out is None and guesses == Guesses():
            read = read_folder(folder, now_ms)
        else:
            converted = read_as(folder, guesses, now_ms)
            read = converted.folder
    except BadFolder as bad:
        emit(_bad_document(folder, bad), as_json, _bad_lines(bad))
        raise
    plants = report(read)
    if out is not None:
        write_folder(out, converted.tables)
    emit(_document(read, plants) | {"written": out}, as_json, _lines(read, plants, out))


def _bad_document(folder: Path, bad: BadFolder) -> dict[str, Any]:
    listed = [problem.plain() for problem in bad.problems]
    return {"folder": folder, "usable": False, "problem_count": bad.count, "problems": listed}


def _bad_lines(bad: BadFolder) -> Iterator[str]:
    yield from (str(problem) for problem in bad.problems)
    if bad.count > len(bad.problems):
        yield f"... and {bad.count - len(bad.problems)} more"


def _document(read: Folder, plants: list[PlantReport]) -> dict[str, Any]:
    listed = [
        asdict(plant) | {"first": _time(plant.first_ms), "last": _time(plant.last_ms)} for plant in plants
    ]
    for plant in listed:
        del plant["first_ms"], plant["last_ms"]
    return {
        "folder": read.path,
        "usable": True,
        "problem_count": 0,
        "problems": [],
        "notes": list(read.notes),
        "plants": listed,
    }


def _lines(read: Folder, plants: list[PlantReport], out: Path | None) -> Iterator[str]:
    for plant in plants:
        yield f"{plant.plant_id}: {plant.kind}, {plant.capacity_kw:g} kW, resolution {plant.resolution_s} s"
        telemetry = f"{plant.rows} rows of telemetry{_span(plant)}"
        yield f"  {telemetry}, {plant.runs} weather runs, {plant.units} units"
        found = {
            "without power": plant.without_power,
            "repeated": plant.repeats,
            "corrected": plant.corrections,
            "late": plant.late,
            "out of range": plant.out_of_range,
            "with a wrong clock": plant.wrong_clock,
        }
        told = [f"{count} {name}" for name, count in found.items() if count]
        if plant.gaps:
            told.append(f"{plant.gaps} gaps, the longest {plant.longest_gap_h:g} h")
        if told:
            yield f"  of these: {', '.join(told)}"
        yield from (f"  look: {hint}" for hint in plant.hints)
    yield from (f"note: {line}" for line in read.notes)
    yield f"{read.path}: every row can be read"
    if out is not None:
        yield f"{out}: written, a canonical folder"


def _span(plant: PlantReport) -> str:
    return f" from {iso(plant.first_ms)} to {iso(plant.last_ms)}" if plant.rows else ""


def _time(time_ms: int) -> str | None:
    return iso(time_ms) if time_ms >= 0 else None
