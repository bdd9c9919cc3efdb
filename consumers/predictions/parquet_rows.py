"""A Parquet file of a stranger, unpacked in a process of its own: one kB can stand for gigabytes, in ways
that its footer does not tell. That process has little memory and little time, and ends with the file.

It is run as a file, not as a module: it needs pyarrow alone, so it begins fast.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

#: Python and pyarrow take a third of it themselves; 2,000 rows of nine columns need 1 MB.
_MEMORY_BYTES: Final = 384 << 20
_CPU_S: Final = 10
_WALL_S: Final = 60.0
_LONGEST_TEXT: Final = 800  # a plant's name in bytes
_MOST_COLUMNS: Final = 100
_TOO_MUCH: Final = "the file unpacks to more than can be meant, or is no Parquet"
Row = dict[str, Any]


class Refused(Exception):
    """Why a file has no rows for us, in one line."""


def rows_of(content: bytes, known: tuple[str, ...], most_rows: int) -> tuple[list[str], list[Row]]:
    """The columns and rows of a file. A file with a column that is not `known` has columns alone.

    Raises:
        Refused: it is no Parquet, or holds something else than texts and numbers, or too much.
    """
    command = [sys.executable, "-I", str(Path(__file__).resolve()), str(most_rows), *known]
    # The allocators of pyarrow reserve far more than they use; the system's does not.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRIDCAST_")}
    environment = {**inherited, "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=_WALL_S, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused(_TOO_MUCH) from None
    if done.returncode != 0 or not done.stdout:
        raise Refused(_TOO_MUCH)
    told = json.loads(done.stdout)
    if "refused" in told:
        raise Refused(str(told["refused"]))
    return told["names"], [dict(zip(told["names"], row, strict=True)) for row in told["rows"]]


def _main() -> None:
    most_rows, known = int(sys.argv[1]), sys.argv[2:]
    content = sys.stdin.buffer.read()
    try:
        told = _unpacked(content, known, most_rows)
    except Refused as refusal:
        told = {"refused": str(refusal)}
    except MemoryError:
        told = {"refused": _TOO_MUCH}
    sys.stdout.write(json.dumps(told, default=str))


def _unpacked(content: bytes, known: list[str], most_rows: int) -> Row:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    _bound()
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        if file.metadata.num_rows > most_rows:
            raise Refused(f"a file may have {most_rows} rows, this one has {file.metadata.num_rows}")
        names = file.schema_arrow.names
        if not set(names) <= set(known) or len(set(names)) < len(names) or not names:
            return {"names": [name[:200] for name in names[:_MOST_COLUMNS]], "rows": []}
        for field in file.schema_arrow:
            _expect_plain(field.name, field.type)
        table = file.read(use_threads=False)
        columns = [_plain(name, table.column(name)) for name in names]
    except pa.ArrowMemoryError:
        raise Refused(_TOO_MUCH) from None
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise Refused(f"the file is no Parquet: {' '.join(str(error).split())[:200]}") from None
    return {"names": names, "rows": list(zip(*columns, strict=True))}


def _expect_plain(name: str, kind: Any) -> None:
    from pyarrow import types

    held = kind.value_type if types.is_dictionary(kind) else kind
    plain = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_null)
    if not any(is_one(held) for is_one in (*plain, types.is_boolean, types.is_decimal)):
        raise Refused(f"column {name}: {str(kind)[:60]} is neither text nor number")


def _plain(name: str, column: Any) -> list[Any]:
    """The values of a column; a text is looked at before it is made as often as it stands there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for chunk in column.chunks:
        texts = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
            longest = pc.max(pc.binary_length(texts)).as_py() or 0
            if longest > _LONGEST_TEXT:
                raise Refused(f"column {name}: a text has {longest} bytes, there may be {_LONGEST_TEXT}")
    values: list[Any] = column.to_pylist()
    return values


def _bound() -> None:
    """From here on this process gets so much memory and time, and leaves no dump."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _main()
