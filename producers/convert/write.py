"""Canonical tables into a canonical folder: whole, or not at all."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from producers.convert.names import WORDS, Tables
from producers.convert.times import COLUMNS
from producers.folder import NEEDED
from producers.table import NO_VALUE, Floats, Table
from schemas.errors import InputError

_FILES: Final = {
    "plants": "plants.csv",
    "telemetry": "telemetry.csv.gz",
    "units": "units.csv.gz",
    "weather": "weather.csv.gz",
}
_FIRST: Final = {
    "plants": NEEDED["plants"],
    "telemetry": NEEDED["telemetry"],
    "units": (*NEEDED["units"], "power_kw"),
    "weather": NEEDED["weather"],
}


def refuse_filled(out: Path) -> None:
    """Raises `InputError` where the folder to write is there already and not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there already and not empty: give a folder that is not there yet")


def write_folder(out: Path, tables: Tables) -> None:
    """Write canonical tables as the folder `out`, which appears with all its files or not at all.

    The rows keep their order. The same tables give the same bytes.
    """
    refuse_filled(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    partial.mkdir()
    try:
        for stem, table in tables.items():
            _write(partial / _FILES[stem], _lines(stem, table))
        if out.exists():
            out.rmdir()
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(path: Path, frame: pd.DataFrame) -> None:
    text = frame.to_csv(index=False, lineterminator="\n").encode()
    # The time in a gzip header would make every run another file.
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text)


def _lines(stem: str, table: Table) -> pd.DataFrame:
    names = [*(n for n in _FIRST[stem] if n in table), *(n for n in table.columns if n not in _FIRST[stem])]
    return pd.DataFrame({name: _column(stem, name, table.columns[name]) for name in names})


def _column(stem: str, name: str, cells: pa.Array) -> Sequence[str] | Floats:
    """Registry rows and words stay as they are written; a number is the shortest that reads the same."""
    if stem == "plants" or name in WORDS or name in COLUMNS[stem]:
        words: list[str] = cells.to_pylist()
        return words
    encoded = cells.dictionary_encode()
    numbers = [np.nan if text in NO_VALUE else float(text) for text in encoded.dictionary.to_pylist()]
    made: Floats = np.array(numbers, np.float64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return made
