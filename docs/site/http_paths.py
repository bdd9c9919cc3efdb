"""The HTTP API path by path, from its OpenAPI document: a page for each subject."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from consumers.api.app import create_app
from infra import settings

METHODS = ("get", "post", "put", "patch", "delete")


def document() -> dict[str, Any]:
    """The OpenAPI document. No server is asked, so where they are does not matter."""
    nowhere = settings.load(kafka="127.0.0.1:1", postgres="postgresql://nobody@127.0.0.1:1/none")
    found: dict[str, Any] = create_app(nowhere).openapi()
    return found


def pages() -> Iterator[tuple[str, str]]:
    """(address on the site, Markdown): all paths in one table, then a page for each subject."""
    told = document()
    by_subject: dict[str, list[tuple[str, str, dict[str, Any]]]] = defaultdict(list)
    for path, methods in told["paths"].items():
        for method in METHODS:
            if method in methods:
                subject = (methods[method].get("tags") or ["service"])[0]
                by_subject[subject].append((path, method, methods[method]))
    rows = [
        f"| `{method.upper()} {path}` | [{subject}]({_file(subject)}) | {_cell(operation['description'])} |"
        for subject, operations in by_subject.items()
        for path, method, operation in operations
    ]
    yield (
        "reference/http/README.md",
        "# HTTP paths\n\nMade from the OpenAPI document that `gridcast serve` has at `/openapi.json`."
        " Keys, formats, pages and errors are the same for all: [the API](../../api.md).\n\n"
        "| path | subject | what it tells |\n|---|---|---|\n" + "\n".join(rows) + "\n",
    )
    for subject, operations in by_subject.items():
        text = "\n".join(line for one in operations for line in _operation(*one, told))
        yield f"reference/http/{_file(subject)}", f"# HTTP: {subject}\n\n{text}\n"


def _file(subject: str) -> str:
    return subject.replace(" ", "-") + ".md"


def _operation(path: str, method: str, told: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield f"## `{method.upper()} {path}`\n\n{told['description']}\n"
    if not told.get("security"):
        yield "Public: it needs no key.\n"
    parameters = told.get("parameters", [])
    if parameters:
        yield "| parameter | in | type | what it is |\n|---|---|---|---|"
        for one in parameters:
            about = _cell(one.get("description", ""))
            needed = ", required" if one.get("required") else ""
            kind = _type(one["schema"])
            yield f"| `{one['name']}` | {one['in']}{needed} | {kind} | {about}{_say(one['schema'])} |"
        yield ""
    for kind, content in told.get("requestBody", {}).get("content", {}).items():
        yield f"Body, `{kind}`:\n"
        yield from _content(content, document)
    for status, answer in told["responses"].items():
        if status.startswith("2"):
            yield f"Answer {status}: {answer['description']}\n"
            kinds = answer.get("content", {})
            if kinds:
                yield "As " + ", ".join(f"`{kind}`" for kind in kinds) + ".\n"
            yield from _content(kinds.get("application/json", {}), document)
    others = [
        f"{status} ({one['description']})" for status, one in told["responses"].items() if status >= "300"
    ]
    if others:
        yield "Else: " + "; ".join(others) + "\n"


def _content(content: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    """The fields and an example of one content."""
    schema = content.get("schema", {})
    fields = _resolved(schema, document).get("properties", {})
    if fields:
        yield "| field | type | what it is |\n|---|---|---|"
        for name, one in fields.items():
            about = _cell(one.get("description", ""))
            yield f"| `{name}` | {_type(one)} | {about} |"
        yield ""
    examples = [one["value"] for one in content.get("examples", {}).values() if "value" in one]
    examples += schema.get("examples", [])
    example = content.get("example", examples[0] if examples else None)
    if example is not None:
        yield f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```\n"


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(one) for one in schema[choice] if one.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("format") or schema.get("type") or "any"
    return kind if isinstance(kind, str) else " or ".join(one for one in kind if one != "null")


def _say(schema: dict[str, Any]) -> str:
    """The default and an example of a parameter, where it has them."""
    said = []
    if schema.get("default") is not None:
        said.append(f"default `{schema['default']}`")
    if schema.get("examples"):
        said.append(f"as `{schema['examples'][0]}`")
    return f" ({', '.join(said)})" if said else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
