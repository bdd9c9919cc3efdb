"""What is wrong with a user's files: collected while reading, said all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.errors import InputError

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `row` is the line of the file, the header being row 1; None where all of it is meant."""

    file: str
    row: int | None
    column: str | None
    what: str

    def __str__(self) -> str:
        row = None if self.row is None else f"row {self.row}"
        column = None if self.column is None else f"column {self.column}"
        where = ", ".join(part for part in (row, column) if part)
        return f"{self.file}{' ' if where else ''}{where}: {self.what}"

    def plain(self) -> dict[str, Any]:
        """The fault for `--json`."""
        return {"file": self.file, "row": self.row, "column": self.column, "what": self.what}


class BadFolder(InputError):
    """A folder that cannot be read. `problems` holds the first ones, `count` says how many there are."""

    def __init__(self, folder: str, problems: tuple[Problem, ...], count: int) -> None:
        super().__init__(folder, problems, count)
        self.folder = folder
        self.problems = problems
        self.count = count

    def __str__(self) -> str:
        first = str(self.problems[0])
        if self.problems[0].file == self.folder:
            return first
        if self.count == 1:
            return f"{self.folder}: {first}"
        return f"{self.folder} has {self.count} problems (`gridcast check` lists them), the first: {first}"


@dataclass
class Problems:
    """Collects faults (which stop the reading) and notes (which a person should know)."""

    folder: str
    kept: list[Problem] = field(default_factory=list)
    count: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, file: str, row: int | None, column: str | None, what: str) -> None:
        """One more fault; only the first ones are kept, all are counted."""
        self.count += 1
        if len(self.kept) < SHOWN:
            self.kept.append(Problem(file, row, column, what))

    def add_rows(self, file: str, rows: Iterable[tuple[int, str]], column: str | None) -> None:
        """A fault for each (row, what)."""
        for row, what in rows:
            self.add(file, row, column, what)

    def note(self, text: str) -> None:
        """Something that was done or left out on the way."""
        self.notes.append(text)

    def stop(self) -> BadFolder:
        """The error that says all this."""
        return BadFolder(self.folder, tuple(self.kept), self.count)

    def raise_if_any(self) -> None:
        """Raises `BadFolder` when there is a fault."""
        if self.count:
            raise self.stop()
