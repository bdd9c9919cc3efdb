"""How a CSV file parts its cells and writes its decimals, told from its first lines."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from producers.csv_file import CANONICAL, Dialect

_SIGNS: Final = (";", "\t", "|")
_COMMA: Final = re.compile(r"-?\d+,\d+")
_LINES: Final = 200


def dialect_of(path: Path) -> Dialect:
    """The dialect of a CSV file; the canonical one where nothing speaks for another."""
    lines = _first_lines(path)
    if not lines:
        return CANONICAL
    separator = next((sign for sign in _SIGNS if sign in lines[0]), ",")
    if separator == ",":
        return CANONICAL
    return Dialect(separator, "," if _has_commas(lines[1:], separator) else ".")


def _has_commas(lines: Iterable[str], separator: str) -> bool:
    return any(_COMMA.fullmatch(cell.strip(' "')) for line in lines for cell in line.split(separator))


def _first_lines(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as text:
            return [line.rstrip("\r\n") for line in islice(text, _LINES)]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return []
