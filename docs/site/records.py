"""A page for each kind of record, from its Avro schema; and what the topics carry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.topics import TOPICS

SCHEMAS = Path(__file__).parents[2] / "schemas"


def pages() -> Iterator[tuple[str, str]]:
    """(address on the site, Markdown) of each schema."""
    found = {schema["name"]: (path, schema) for path, schema in _schemas()}
    rows = [
        f"| [{name}]({name}.md) | {', '.join(f'`{one}`' for one in _topics(name)) or '-'} | {schema['doc']} |"
        for name, (_, schema) in sorted(found.items())
    ]
    yield (
        "reference/records/README.md",
        "# Records\n\nMade from the Avro schemas. A record on the wire is a zero byte, the schema's id in"
        " four bytes, and the body.\n\n| record | topics | what it is |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n",
    )
    for name, (path, schema) in found.items():
        yield f"reference/records/{name}.md", _page(name, path, schema)


def _schemas() -> list[tuple[Path, dict[str, Any]]]:
    return [(path, json.loads(path.read_text())) for path in sorted(SCHEMAS.glob("*.avsc"))]


def _topics(name: str) -> list[str]:
    return [topic.name for topic in TOPICS if name in topic.records]


def _page(name: str, path: Path, schema: dict[str, Any]) -> str:
    carried = ", ".join(f"[`{one}`](../../topics.md)" for one in _topics(name))
    lines = [
        f"# {name}\n",
        f"{schema['doc']}\n",
        f"On {carried or 'no topic of its own'}."
        f" Schema: [`schemas/{path.name}`](../../source/schemas/{path.name}.txt).\n",
        *_fields(schema),
    ]
    return "\n".join(lines)


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    """The table of a record's fields, then those of the records and words inside it."""
    inside: list[dict[str, Any]] = []
    yield "| field | type | unit | what it is |\n|---|---|---|---|"
    for field in schema["fields"]:
        unit = "" if field.get("unit", "none") == "none" else field["unit"]
        doc = " ".join(field.get("doc", "").split()).replace("|", "\\|")
        yield f"| `{field['name']}` | {_type(field['type'], inside)} | {unit} | {doc} |"
    yield ""
    for one in inside:
        yield f"## {one['name']}\n\n{one.get('doc', '')}\n"
        if one["type"] == "record":
            yield from _fields(one)
        else:
            yield "One of " + ", ".join(f"`{word}`" for word in one["symbols"]) + ".\n"


def _type(told: Any, inside: list[dict[str, Any]]) -> str:
    if isinstance(told, str):
        return told
    if isinstance(told, list):
        return " or ".join(_type(one, inside) for one in told)
    kind = told["type"]
    if kind == "array":
        return f"array of {_type(told['items'], inside)}"
    if kind == "map":
        return f"map of {_type(told['values'], inside)}"
    if kind in ("record", "enum"):
        inside.append(told)
        return str(told["name"])
    if "logicalType" in told:
        return str(told["logicalType"])
    return _type(kind, inside)
