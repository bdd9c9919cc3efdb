"""Which column is meant by another name, told from the name and from what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from producers.suggest.formats import format_of
from producers.table import NO_VALUE, Table

_TIME: Final = re.compile(r"time|date|zeit|datum|stamp|heure|fecha|hora|\bts\b|data", re.IGNORECASE)
_POWER: Final = re.compile(
    r"power|leistung|puissance|potencia|potenza|vermogen|wirk|p_?ac|ac_?p|output|generation|yield|\bp\b|k?w\b|mw\b",
    re.IGNORECASE,
)
#: What is called power and is not the plant's: of the panels, reactive, or of a whole day.
_OTHER: Final = re.compile(r"\bdc|dc_|react|blind|yield|energy|daily|total", re.IGNORECASE)
_UNIT: Final = re.compile(r"unit|turbine|inverter|wea|wtg|\bwr\b|asset|onduleur", re.IGNORECASE)
_CELLS: Final = 300
_WORDS: Final = {
    "plant_id",
    "unit_id",
    "source",
    "status",
    "event_time",
    "known_at",
    "valid_at",
    "published_at",
}


def names_of(stem: str, table: Table, plant_ids: set[str]) -> list[tuple[str, str]]:
    """Pairs (old, new) for the columns that a table of telemetry or units needs and has under other names."""
    spare = [name for name in table.columns if name not in _WORDS and name != "power_kw"]
    found: list[tuple[str, str]] = []
    for new, old in (
        ("plant_id", _with_ids(table, spare, plant_ids)),
        ("event_time", _first(spare, _TIME, (n for n in spare if format_of(_some(table, n)) is not None))),
        ("power_kw", _first(spare, _POWER, (n for n in spare if _are_numbers(table, n)))),
        ("unit_id", _first(spare, _UNIT, spare) if stem == "units" else None),
    ):
        if new not in table and old is not None and old not in dict(found):
            found.append((old, new))
    return found


def words_in(table: Table, names: Iterable[tuple[str, str]]) -> list[str]:
    """The columns that stay under their own names and hold words, which no sensor column may."""
    renamed = dict(names)
    spare = [n for n in table.columns if n not in renamed and n not in _WORDS and n != "power_kw"]
    return [name for name in spare if _numeric(table, name) < 0.5]


def _with_ids(table: Table, spare: list[str], plant_ids: set[str]) -> str | None:
    for name in spare:
        cells = set(_some(table, name).to_pylist())
        if cells and cells <= plant_ids:
            return name
    return None


def _first(spare: list[str], like: re.Pattern[str], fitting: Iterable[str]) -> str | None:
    """The first column that fits and is called so; the only one that fits where none is."""
    good = list(fitting)
    called = [name for name in good if like.search(name.replace("_", " ")) or like.search(name)]
    called.sort(key=lambda name: _OTHER.search(name) is not None)
    return called[0] if called else good[0] if len(good) == 1 and len(spare) > 0 else None


def _are_numbers(table: Table, name: str) -> bool:
    return _numeric(table, name) > 0.9


def _numeric(table: Table, name: str) -> float:
    """The share of numbers among the first cells that are not empty; 1 where all are."""
    texts = [text for text in _some(table, name).to_pylist() if text not in NO_VALUE]
    return sum(_is_number(text.replace(table.decimal, ".")) for text in texts) / len(texts) if texts else 1.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _some(table: Table, name: str) -> pa.Array:
    return table.columns[name].slice(0, _CELLS)
