"""Numbers as people write them: decimal commas, and powers in another unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa

from producers.problems import Problems
from producers.table import NO_VALUE, Table


def with_points(table: Table, columns: Iterable[str], problems: Problems) -> Table:
    """The numbers of these columns with a decimal point, where the table's are written with another sign.

    A point in such a number can only part thousands: it is a fault.
    """
    if table.decimal == ".":
        return table
    sign = table.decimal
    for name in columns:
        table = _each(table, name, lambda text: _pointed(text, sign), problems)
    return table


def shifted(table: Table, columns: Iterable[str], places: int, problems: Problems) -> Table:
    """The numbers of these columns with the decimal point moved `places` to the right; no digit is lost.

    A cell that is no number stays as it is.
    """
    if not places:
        return table
    for name in columns:
        table = _each(table, name, lambda text: _moved(text, places), problems)
    return table


def _pointed(text: str, sign: str) -> str:
    if "." in text:
        raise ValueError(
            f"{text!r} has a point beside the decimal {sign!r}: write it without signs for thousands"
        )
    return text.replace(sign, ".")


def _moved(text: str, places: int) -> str:
    try:
        return str(Decimal(text).scaleb(places))
    except InvalidOperation:
        return text


def _each(table: Table, column: str, one: Callable[[str], str], problems: Problems) -> Table:
    encoded = table.columns[column].dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    made: list[str] = []
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            made.append(text if text in NO_VALUE else one(text))
        except ValueError as error:
            made.append(text)
            rows = ((int(row), str(error)) for row in table.row[np.flatnonzero(codes == code)])
            problems.add_rows(table.file, rows, column)
    cells = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(made, pa.string())).dictionary_decode()
    return table.with_column(column, cells)
