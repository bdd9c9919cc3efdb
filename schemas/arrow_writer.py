"""Arrow columns of one record to Avro bodies at once, with pyruhvro.

pyruhvro writes a null in a field that admits none as zero or "", silently; so nulls are looked for first.
"""

import json
from typing import Any

import pyarrow as pa
import pyruhvro

from schemas.errors import EncodeError
from schemas.ids import Definition, today
from schemas.lengths import spelt_out


class ArrowWriter:
    """Writes batches of one record with today's schema.

    Raises:
        EncodeError: the record has a field of bytes.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._definition = spelt_out(today(name))
        self._text = json.dumps(today(name))
        self._schema = pyruhvro.avro_to_arrow_schema(self._text)
        if '"bytes"' in self._text:
            raise EncodeError(f"{name} has bytes, on which pyruhvro panics: encode it record by record")

    def write(self, batch: pa.RecordBatch) -> list[bytes]:
        """A body for each row.

        Raises:
            EncodeError: a column is missing, unknown or of another type, or null where null is not admitted.
        """
        unknown = set(batch.schema.names) - set(self._schema.names)
        if unknown:
            raise EncodeError(f"{self._name} has no field {', '.join(sorted(unknown))}")
        columns = [self._column(batch, field) for field in self._definition["fields"]]
        whole = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        bodies: list[bytes] = []
        for part in pyruhvro.serialize_record_batch(whole, self._text, 1):
            bodies.extend(part.to_pylist())
        return bodies

    def _column(self, batch: pa.RecordBatch, field: Definition) -> pa.Array:
        name = field["name"]
        wanted = self._schema.field(name).type
        index = batch.schema.get_field_index(name)
        if index < 0:
            return self._default(field, wanted, batch.num_rows)
        column = batch.column(index)
        try:
            if column.type != wanted:  # a cast to the same costs as much as a small column
                column = column.cast(wanted)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise EncodeError(f"{self._name}.{name}: {error}") from error
        if _has_null(field["type"], column):
            raise EncodeError(f"{self._name}.{name} is null somewhere")
        return column

    def _default(self, field: Definition, wanted: pa.DataType, size: int) -> pa.Array:
        if "default" not in field:
            raise EncodeError(f"{self._name}.{field['name']} is missing")
        return pa.array([field["default"]] * size, wanted)


def _has_null(kind: Any, column: pa.Array) -> bool:
    """Whether a null stands where the Avro type has none, at any depth."""
    if isinstance(kind, list):
        # Beneath a null nothing is written, so only what is not null counts.
        inner = [branch for branch in kind if branch != "null"]
        return len(inner) == 1 and _has_null(inner[0], column.drop_null())
    if column.null_count:
        return True
    if isinstance(kind, dict) and kind["type"] == "array":
        return _has_null(kind["items"], column.flatten())
    if isinstance(kind, dict) and kind["type"] == "record":
        fields = zip(kind["fields"], column.flatten(), strict=True)
        return any(_has_null(field["type"], values) for field, values in fields)
    return False
