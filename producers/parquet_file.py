"""A Parquet file as a table of text; its first row is row 1, for it has no header line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from producers.problems import Problems
from producers.table import Table, header_is_good, table_of


def read_parquet(path: Path, problems: Problems) -> Table | None:
    """The table of a file, or None where it cannot be read.

    A timestamp with a zone becomes its time in UTC, one without stays without.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        why = str(error).splitlines()[0]
        problems.add(path.name, None, None, f"is no Parquet file that can be read ({why}): is it whole?")
        return None
    if not table.num_columns:
        problems.add(path.name, None, None, "has no column: it needs a name and cells for each")
        return None
    if not header_is_good(path.name, 0, table.column_names, problems):
        return None
    columns = {}
    for name in table.column_names:
        cells = _texts(table.column(name).combine_chunks())
        if cells is None:
            kind = table.schema.field(name).type
            problems.add(path.name, None, name, f"holds {kind}: write numbers, texts or timestamps")
            return None
        columns[name.strip()] = cells
    return table_of(path.name, columns, np.arange(1, table.num_rows + 1))


def _texts(cells: pa.Array) -> pa.Array | None:
    if isinstance(cells, pa.ChunkedArray):  # an empty column is not combined
        cells = pa.concat_arrays(cells.chunks) if cells.num_chunks else pa.array([], cells.type)
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    kind = cells.type
    if pa.types.is_timestamp(kind):
        zone = None if kind.tz is None else "UTC"
        cells = cells.cast(pa.timestamp("ms", zone), safe=False)
    elif pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return None
    return pc.utf8_trim_whitespace(pc.fill_null(cells.cast(pa.string()), ""))
