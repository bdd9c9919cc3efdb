"""Columns under other names: renamed as told, refused where the telling does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from producers.problems import Problems
from producers.table import Table

Tables = dict[str, Table]
#: Columns that hold words, in whichever table they stand.
WORDS: Final = frozenset({"plant_id", "unit_id", "source", "status", "kind", "timezone"})


def rename(tables: Tables, names: Sequence[tuple[str, str]], problems: Problems) -> Tables:
    """Each table with its columns renamed by pairs (old, new), wherever a table has the old one.

    A name that no table has, and a new one that stands beside its old one, are faults.
    """
    wanted = dict(names)
    for old, new in names:
        holders = [table for table in tables.values() if old in table]
        if not holders:
            problems.add(_shown(tables), 1, old, f"is not there: it has {_headers(tables)}")
        for table in holders:
            if new in table and new not in wanted:
                what = f"is there already beside {old}: drop one of the two with --drop"
                problems.add(table.file, 1, new, what)
    _refuse_twice(tables, names, problems)
    return {stem: _renamed(table, wanted) for stem, table in tables.items()}


def drop(tables: Tables, names: Sequence[str], problems: Problems) -> Tables:
    """The tables without the columns of these names; a name that no table has is a fault."""
    for name in names:
        if not any(name in table for table in tables.values()):
            problems.add(_shown(tables), 1, name, f"is not there: it has {_headers(tables)}")
    return {
        stem: replace(table, columns={k: v for k, v in table.columns.items() if k not in names})
        for stem, table in tables.items()
    }


def _renamed(table: Table, wanted: Mapping[str, str]) -> Table:
    return replace(table, columns={wanted.get(name, name): cells for name, cells in table.columns.items()})


def _refuse_twice(tables: Tables, names: Sequence[tuple[str, str]], problems: Problems) -> None:
    olds = [old for old, _ in names]
    for old in sorted({old for old in olds if olds.count(old) > 1}):
        problems.add(_shown(tables), 1, old, "is renamed twice: keep one --map of it")
    for table in tables.values():
        targets = [new for old, new in names if old in table]
        for new in sorted({new for new in targets if targets.count(new) > 1}):
            problems.add(table.file, 1, new, "is the new name of two columns: keep one --map of them")


def _shown(tables: Tables) -> str:
    return ", ".join(dict.fromkeys(table.file for table in tables.values()))


def _headers(tables: Tables) -> str:
    return ", ".join(dict.fromkeys(name for table in tables.values() for name in table.columns))
