"""What `gridcast check` says, as lines for people and as a document for machines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import iso

if TYPE_CHECKING:
    from producers.findings.base import Finding
    from producers.folder import Folder
    from producers.problems import BadFolder
    from producers.report import PlantReport
    from producers.suggest.suggest import Suggestion


#: Said beside a suggestion that leaves it open.
_ABOUT_STARTS = "     and --stamp start where a stamp marks the start of its interval: the data do not say it"


def bad_document(folder: Path, bad: BadFolder, more: Suggestion) -> dict[str, Any]:
    """A folder that cannot be read; each of its problems is also a finding that stops."""
    listed = [problem.plain() for problem in bad.problems]
    stops = {"kind": "unreadable", "weight": "stops", "plant": None, "do": None, "share": None, "of": None}
    return {
        "folder": folder,
        "usable": False,
        "problem_count": bad.count,
        "problems": listed,
        "findings": [stops | problem for problem in listed],
        "suggested": {"options": more.options, "reasons": more.reasons, "left": more.left},
    }


def bad_lines(bad: BadFolder) -> Iterator[str]:
    """Its first problems, and how many more there are."""
    yield from (str(problem) for problem in bad.problems)
    if bad.count > len(bad.problems):
        yield f"... and {bad.count - len(bad.problems)} more"


def suggestion_lines(folder: Path, more: Suggestion) -> Iterator[str]:
    """Why which options would help, and the command; who runs it has decided that the guesses are right."""
    yield from (f"guess: {reason}" for reason in more.reasons)
    if more.options:
        yield f"try: gridcast check {shlex.join([str(folder), *more.options])}"
        if "--stamp" not in more.options and more.guesses.stamp is None:
            yield _ABOUT_STARTS
    if more.left is not None and (more.options or more.assumed_utc):
        yield f"this is left: {more.left}"


def document(
    folder: Folder, plants: list[PlantReport], findings: list[Finding], out: Path | None
) -> dict[str, Any]:
    """A folder that can be read: what it holds, and what looks wrong."""
    listed = [
        asdict(plant) | {"first": _time(plant.first_ms), "last": _time(plant.last_ms)} for plant in plants
    ]
    for plant in listed:
        del plant["first_ms"], plant["last_ms"]
    return {
        "folder": folder.path,
        "usable": True,
        "problem_count": 0,
        "problems": [],
        "notes": list(folder.notes),
        "plants": listed,
        "findings": [finding.plain() for finding in findings],
        "written": out,
    }


def lines(
    folder: Folder, plants: list[PlantReport], findings: list[Finding], out: Path | None
) -> Iterator[str]:
    """The same for a person: the plants, then the findings, the heaviest first."""
    for plant in plants:
        yield from _plant_lines(plant)
    for _, alike in groupby(findings, key=lambda one: (one.weight, one.kind, one.what)):
        yield from _finding_lines(list(alike))
    yield from (f"note: {line}" for line in folder.notes)
    yield f"{folder.path}: every row can be read"
    if out is not None:
        yield f"{out}: written, a canonical folder"


def _plant_lines(plant: PlantReport) -> Iterator[str]:
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


def _finding_lines(alike: list[Finding]) -> Iterator[str]:
    """A finding, once for all the plants of which it says the same."""
    first = alike[0]
    row = "" if first.row is None else f" row {first.row}"
    column = "" if first.column is None else f", column {first.column}"
    others = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
    yield f"{first.weight.value}: {first.plant}{others}, {first.file}{row}{column}: {first.what}"
    yield f"    do: {first.do}"


def _span(plant: PlantReport) -> str:
    return f" from {iso(plant.first_ms)} to {iso(plant.last_ms)}" if plant.rows else ""


def _time(time_ms: int) -> str | None:
    return iso(time_ms) if time_ms >= 0 else None
