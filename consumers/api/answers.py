"""Rows and documents as the asker wants them: JSON, CSV or Parquet, with an ETag, and 304 where it is his."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from fastapi import Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from consumers.api.examples import EXAMPLES
from consumers.api.latest import etag_of
from consumers.api.problems import MEDIA as PROBLEM
from consumers.api.problems import Problem, ProblemDocument

JSON: Final = "application/json"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
OFFERED: Final = (JSON, CSV, PARQUET)
Row = Mapping[str, Any]


def media(request: Request, offered: Sequence[str] = OFFERED) -> str:
    """What the Accept header likes best; the first that is offered where it says nothing.

    Raises:
        Problem: 406, it admits nothing that there is.
    """
    accept = request.headers.get("accept", "").strip() or "*/*"
    wanted = [_wish(one) for one in accept.split(",")[:30]]
    best = max(offered, key=lambda one: (_liking(one, wanted), -offered.index(one)))
    if _liking(best, wanted) <= 0:
        raise Problem(406, f"this comes as {', '.join(offered)}")
    return best


def _wish(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in text.lower().split(";"))
    for one in parameters:
        if one.startswith("q="):
            try:
                return name, min(max(float(one[2:]), 0.0), 1.0)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _liking(offer: str, wanted: Iterable[tuple[str, float]]) -> float:
    """By the most specific range that names it."""
    ranges = (offer, f"{offer.partition('/')[0]}/*", "*/*")
    for one in ranges:
        found = [quality for name, quality in wanted if name == one]
        if found:
            return max(found)
    return 0.0


def answer(
    request: Request,
    model: type[BaseModel],
    rows: Sequence[Row],
    more: Row | None = None,
    following: str | None = None,
) -> Response:
    """Rows of one kind. JSON has them under `data`, with `next` and `more` beside; the other formats have
    the rows alone, and the way on in the Link header.

    Args:
        model: names and types of the columns, in their order.
        following: the cursor of the next page.
    """
    kind = media(request)
    headers = _link(request, following)
    if kind == JSON:
        body = to_json({"data": rows, "next": following, **(more or {})}, inf_nan_mode="null")
    else:
        table = _flat(model, rows)
        body = _csv(table, list(model.model_fields)) if kind == CSV else _parquet(table, columns(model))
    return tagged(request, body, kind, headers)


def tabular(request: Request, told: Row, rows: Iterable[Row], names: Sequence[str]) -> Response:
    """A document as JSON, or as the rows that it comes down to. `names`: the columns; numbers where a name
    is not one of `_TEXTS`.
    """
    kind = media(request)
    return tagged(request, written(kind, told, rows, names), kind)


def told(request: Request, document: Row, rows: Iterable[Row], names: Sequence[str]) -> Response:
    """The same as the answer to what was sent: nobody has it already."""
    kind = media(request)
    return fresh(kind, written(kind, document, rows, names))


def fresh(kind: str, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A body that is made for this request alone."""
    about = {"Vary": "Accept", **(headers or {})}
    return Response(body, status, about, f"{kind}; charset=utf-8" if kind == CSV else kind)


def written(kind: str, told: Row, rows: Iterable[Row], names: Sequence[str]) -> bytes:
    """A document in one of the formats."""
    if kind == JSON:
        return to_json(told, inf_nan_mode="null")
    table = [{name: row.get(name) for name in names} for row in rows]
    if kind == CSV:
        return _csv(table, names)
    return _parquet(table, {name: _TEXTS.get(name, float) for name in names})


_TEXTS: Final[Mapping[str, Any]] = {
    "plant_id": str, "rung": str, "issued_at": datetime, "valid_at": datetime, "interval_s": int,
}  # fmt: skip


def tagged(
    request: Request, body: bytes, kind: str, headers: Mapping[str, str] | None = None, etag: str = ""
) -> Response:
    """The body with its ETag, or 304 without one where the asker has it."""
    tag = etag or etag_of(body)
    told = {"ETag": tag, "Vary": "Accept", **(headers or {})}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return Response(None, 304, told)
    return Response(body, 200, told, f"{kind}; charset=utf-8" if kind == CSV else kind)


def _link(request: Request, following: str | None) -> dict[str, str]:
    if following is None:
        return {}
    return {"Link": f'<{request.url.include_query_params(cursor=following)}>; rel="next"'}


def columns(model: type[BaseModel]) -> dict[str, Any]:
    """Name -> Python type of each column, None taken off."""
    return {name: _without_none(field.annotation) for name, field in model.model_fields.items()}


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return kind


def _flat(model: type[BaseModel], rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{name: row.get(name) for name in model.model_fields} for row in rows]


def _csv(rows: Sequence[Row], names: Sequence[str]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(names)
    lines.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value != value:
        return None
    # A spreadsheet would run a text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _parquet(rows: Sequence[Row], kinds: Mapping[str, Any]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    types[datetime] = pa.timestamp("ms", tz="UTC")
    fields, arrays = [], []
    for name, kind in kinds.items():
        arrow = types.get(kind)
        values = [row[name] for row in rows]
        if arrow is None:
            arrow, values = pa.string(), [None if v is None else json.dumps(v, default=str) for v in values]
        elif kind is datetime:
            values = [datetime.fromisoformat(v) if isinstance(v, str) else v for v in values]
        fields.append(pa.field(name, arrow))
        arrays.append(pa.array(values, arrow))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), sink, compression="zstd")
    return bytes(sink.getvalue())


def page_of(model: type[BaseModel], described: str, *statuses: int) -> dict[int | str, Any]:
    """What OpenAPI says of a route that answers with rows: three formats, 304, and the problems."""
    rows = {
        "type": "object",
        "required": ["data", "next"],
        "properties": {
            "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{model.__name__}"}},
            "next": {"type": ["string", "null"], "description": "`cursor` of the next page."},
        },
    }
    told = {"schema": rows, "example": {"data": [EXAMPLES[model.__name__]], "next": None}}
    content = {JSON: told, **_TABLES}
    return {200: {"description": described, "content": content}, **problems(304, 406, *statuses)}


def document_of(
    model: type[BaseModel], described: str, *statuses: int, tables: bool = False
) -> dict[int | str, Any]:
    """The same of a route that answers with one document."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    told = {"schema": schema, "example": EXAMPLES[model.__name__]}
    content = {JSON: told, **(_TABLES if tables else {})}
    return {200: {"description": described, "content": content}, **problems(304, *statuses)}


_TABLES: Final = {
    CSV: {"schema": {"type": "string"}},
    PARQUET: {"schema": {"type": "string", "format": "binary"}},
}


def problems(*statuses: int) -> dict[int | str, Any]:
    """What OpenAPI says of answers that are no success."""
    told: dict[int | str, Any] = {
        status: {
            "description": _SAID[status],
            "content": {PROBLEM: {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}},
        }
        for status in statuses
        if status != 304
    }
    return {**told, **({304: {"description": _SAID[304]}} if 304 in statuses else {})}


_SAID: Final = {
    304: "You have it: the ETag is the one in If-None-Match.",
    400: "The request cannot be read.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key's role does not suffice.",
    404: "There is no such thing.",
    406: "It does not come in this format.",
    409: "It cannot be done as things stand, and why.",
    413: "The body is too large.",
    415: "It does not take what is sent in this format.",
    422: "A parameter is wrong.",
    429: "Too many requests; Retry-After says how long to wait.",
    500: "A fault of the service.",
    503: "A server behind this one does not answer, or takes too long.",
    504: "Another service, as that of the weather, did not answer in time.",
}
