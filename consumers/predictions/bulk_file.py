"""A file of questions, CSV or Parquet: read whole and checked row by row, before anything is asked for."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from consumers.predictions import parquet_rows
from consumers.predictions.asked import Asked, PlaceAsked, PlantAsked
from schemas.errors import InputError

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
MEDIA: Final = (CSV, PARQUET)
MOST_ROWS: Final = 2000
MOST_HOURS: Final = 48_000  # of all rows together: what comes out has to fit as well
_MOST_FAULTS: Final = 50
_ALL_H: Final = 48  # of a registered plant whose row does not say
_TEXTS: Final = frozenset({"plant_id", "kind"})
_WHOLE: Final = frozenset({"hours"})
COLUMNS: Final = (
    "plant_id", "latitude", "longitude", "kind", "capacity_kw", "hours", "hub_height_m", "tilt_deg",
    "azimuth_deg",
)  # fmt: skip
_ASKED: Final[TypeAdapter[PlaceAsked | PlantAsked]] = TypeAdapter(Asked)


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: the row as a spreadsheet counts it (its head is row 1), and the column."""

    row: int
    column: str
    why: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.why}"


class FaultyFile(InputError):
    """Some rows cannot be asked for."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = "" if len(faults) < _MOST_FAULTS else "; there may be more"
        super().__init__(f"{len(faults)} faults, as {faults[0]}{more}")
        self.faults = list(faults)


def questions(media: str, content: bytes) -> list[PlaceAsked | PlantAsked]:
    """The questions of a file, in its order.

    Raises:
        FaultyFile: some rows cannot be asked for; all of them are named, up to a limit.
        InputError: the file as a whole is none.
    """
    rows = _of_csv(content) if media == CSV else _of_parquet(content)
    asked: list[PlaceAsked | PlantAsked] = []
    faults: list[Fault] = []
    for number, row in rows:
        try:
            asked.append(_ASKED.validate_python(_typed(number, row)))
        except FaultyFile as faulty:
            faults += faulty.faults
        except ValidationError as error:
            faults += [_fault(number, one) for one in error.errors(include_url=False)]
        if len(faults) >= _MOST_FAULTS:
            break
        if len(asked) > MOST_ROWS:
            raise InputError(f"a file may have {MOST_ROWS} rows: send the rest in another one")
    if faults:
        raise FaultyFile(faults[:_MOST_FAULTS])
    if not asked:
        raise InputError("the file has no rows")
    if sum(one.hours or _ALL_H for one in asked) > MOST_HOURS:
        raise InputError(
            f"the rows of a file may ask for {MOST_HOURS} hours in all: send some in another one"
        )
    return asked


def digest(content: bytes) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


def _of_csv(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the file is no UTF-8 text: byte {error.start} cannot be read") from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = _checked_names([name.strip() for name in next(lines, [])])
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                why = f"{len(cells)} cells where the head has {len(names)}"
                raise FaultyFile([Fault(lines.line_num, "row", why)])
            yield lines.line_num, {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    except csv.Error as error:
        raise InputError(f"the file is no CSV: line {lines.line_num}: {error}") from error


def _of_parquet(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        names, rows = parquet_rows.rows_of(content, COLUMNS, MOST_ROWS)
    except parquet_rows.Refused as refusal:
        raise InputError(str(refusal)) from None
    _checked_names(names)
    yield from enumerate(rows, 2)


def _checked_names(names: Sequence[str]) -> Sequence[str]:
    if not names:
        raise InputError("the file is empty")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise InputError(f"there is no column {unknown[0][:100]!r}; there are {', '.join(COLUMNS)}")
    if len(set(names)) < len(names):
        raise InputError("a column stands there twice")
    return names


def _typed(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that say something, texts as numbers where a number belongs."""
    made: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or value == "":
            continue
        made[name] = value if name in _TEXTS or not isinstance(value, str) else _number(number, name, value)
        if name in _WHOLE and isinstance(made[name], float) and made[name].is_integer():
            made[name] = int(made[name])
    return made


def _number(row: int, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FaultyFile([Fault(row, column, f"{text[:60]!r} is no number")]) from None


def _fault(row: int, error: Mapping[str, Any]) -> Fault:
    column = next((str(part) for part in reversed(error["loc"]) if part in COLUMNS), "row")
    why = {"missing": "it is missing", "extra_forbidden": "it does not belong to such a question"}.get(
        str(error["type"]), str(error["msg"])
    )
    return Fault(row, column, why)
