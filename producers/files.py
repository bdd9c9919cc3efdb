"""Which file of a folder holds which table, and the reading of it by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from producers.csv_file import CANONICAL, Dialect, read_csv
from producers.excel_file import read_sheet, sheets
from producers.parquet_file import read_parquet
from producers.problems import Problems
from producers.table import Table

STEMS: Final[tuple[str, ...]] = ("plants", "telemetry", "units", "weather")
SUFFIXES: Final = (".csv", ".csv.gz", ".xlsx", ".parquet")
_BOOK: Final = ".xlsx"


@dataclass(frozen=True)
class Source:
    """A file, and the sheet of it where it is a workbook."""

    path: Path
    sheet: str | None = None


def find(folder: Path, problems: Problems, named: Mapping[str, str] | None = None) -> dict[str, Source]:
    """The source of each table of a folder; `named` gives files of other names. Two of one are a fault."""
    found: dict[str, list[Source]] = {stem: [] for stem in STEMS}
    given = dict(named or {})
    for stem, name in given.items():
        path = folder / name
        if not path.exists():
            problems.add(name, None, None, f"is not in {folder}: give the name of a file that is there")
            continue
        found[stem] += [_of_file(path, stem, problems)]
    for path in sorted(folder.iterdir()):
        for stem, source in _sources(path, problems):
            if stem not in given and path.name not in given.values():
                found[stem].append(source)
    return {stem: _only(stem, sources, problems) for stem, sources in found.items() if sources}


def find_in_file(path: Path, problems: Problems) -> dict[str, Source]:
    """A file alone is the telemetry, or a workbook with a sheet for each table."""
    if path.suffix == _BOOK:
        inside = {sheet.lower(): sheet for sheet in sheets(path, problems)}
        if by_name := {stem: Source(path, inside[stem]) for stem in STEMS if stem in inside}:
            return by_name
    return {"telemetry": _of_file(path, "telemetry", problems)}


def read(source: Source, problems: Problems, dialect: Dialect = CANONICAL) -> Table | None:
    """The table of a source as text, or None where it cannot be read; what is wrong goes to `problems`."""
    if source.sheet is not None:
        return read_sheet(source.path, source.sheet, problems)
    if source.path.suffix == _BOOK:
        return None  # not even its sheets could be read, which is said already
    if source.path.suffix == ".parquet":
        return read_parquet(source.path, problems)
    return read_csv(source.path, problems, dialect)


def _sources(path: Path, problems: Problems) -> list[tuple[str, Source]]:
    stem = _stem(path)
    if path.suffix != _BOOK or path.name.startswith("~$"):  # what Excel leaves beside an open file
        return [(stem, Source(path))] if stem else []
    inside = {sheet.lower(): sheet for sheet in sheets(path, problems)}
    by_name = [(name, Source(path, inside[name])) for name in STEMS if name in inside]
    if stem and stem not in inside:
        by_name.append((stem, _of_file(path, stem, problems)))
    return by_name


def _stem(path: Path) -> str | None:
    return next((stem for stem in STEMS for suffix in SUFFIXES if path.name == stem + suffix), None)


def _of_file(path: Path, stem: str, problems: Problems) -> Source:
    if path.suffix != _BOOK:
        return Source(path)
    names = sheets(path, problems)
    inside = {sheet.lower(): sheet for sheet in names}
    return Source(path, inside.get(stem, names[0] if names else None))


def _only(stem: str, sources: list[Source], problems: Problems) -> Source:
    """The one source of a table; where the second is another file of it, that is a fault."""
    first = sources[0]
    for other in sources[1:]:
        problems.add(
            first.path.name, None, None, f"stands beside {_shown(other)}: keep one of the two for {stem}"
        )
    return first


def _shown(source: Source) -> str:
    return source.path.name if source.sheet is None else f"{source.path.name}[{source.sheet}]"
