"""Which schema an id on the wire means, and which id a record is written with.

Every version of every record that was ever released has an id of its own in `ids.json`, from 2,000,000,000
up: a registry counts from 1 and never gets there, so these ids mean the same with and without one. The list
only grows. To change a schema: copy the old `.avsc` to `history/<record>.<version>.avsc`, edit, and append
the new version with the next free id and the fingerprint that `fingerprint` gives; the tests hold both to it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.errors import UnknownSchema

FIRST_PACKAGED_ID = 2_000_000_000
NAMESPACE = "gridcast"

Definition = dict[str, Any]
Fetch = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class PackagedSchema:
    """One released version of a record's schema."""

    schema_id: int
    name: str
    version: int
    sha256: str
    current: bool

    def text(self) -> str:
        """The schema as JSON text, as it stands in its file."""
        stem = file_stem(self.name)
        path = f"{stem}.avsc" if self.current else f"history/{stem}.{self.version}.avsc"
        return files("schemas").joinpath(path).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """The schema that a record was written with; `definition` is bare, see `bare`."""

    schema_id: int
    name: str
    definition: Definition


class SchemaIds:
    """Ids of this deployment. Packaged ids are always understood; a registry's too where one is given.

    Args:
        write_ids: record name -> id to write with; packaged ids for the names that are missing.
        fetch: id -> schema text, or None where the registry has no such id; may raise `ServiceUnavailable`.
    """

    def __init__(self, write_ids: Mapping[str, int] | None = None, fetch: Fetch | None = None) -> None:
        self._write_ids = {version.name: version.schema_id for version in packaged() if version.current}
        self._write_ids.update(write_ids or {})
        self._fetch = fetch
        self._writers: dict[int, WriterSchema | str] = {}

    def id_of(self, name: str) -> int:
        """The id to write a record with.

        Raises:
            UnknownSchema: there is no record of that name.
        """
        if name not in self._write_ids:
            raise UnknownSchema(f"there is no record named {name!r}")
        return self._write_ids[name]

    def writer(self, schema_id: int) -> WriterSchema:
        """The schema behind an id that was read.

        Raises:
            UnknownSchema: nobody knows the id, or it belongs to a record that is not gridcast's.
            ServiceUnavailable: the registry had to be asked and did not answer.
        """
        # An id is registered before it is written, so one that is unknown when it is read stays unknown.
        found = self._writers.get(schema_id)
        if found is None:
            found = self._writers[schema_id] = self._find(schema_id)
        if isinstance(found, str):
            raise UnknownSchema(found)
        return found

    def _find(self, schema_id: int) -> WriterSchema | str:
        text = _packaged_text(schema_id)
        if text is None and self._fetch is not None and schema_id < FIRST_PACKAGED_ID:
            text = self._fetch(schema_id)
        if text is None:
            return f"no schema has the id {schema_id}"
        definition = json.loads(text)
        name = full_name(definition)
        prefix, _, short = name.rpartition(".")
        if prefix != NAMESPACE or short not in record_names():
            return f"schema {schema_id} is of a foreign record, {name or 'without a name'}"
        return WriterSchema(schema_id, short, bare(definition))


@cache
def packaged() -> tuple[PackagedSchema, ...]:
    """Every released version, in the order of ids."""
    rows = json.loads(files("schemas").joinpath("ids.json").read_text(encoding="utf-8"))
    newest = {row["name"]: row["version"] for row in rows}
    return tuple(
        PackagedSchema(schema_id=row["id"], current=row["version"] == newest[row["name"]], **_rest(row))
        for row in rows
    )


def _rest(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("name", "version", "sha256")}


@cache
def record_names() -> tuple[str, ...]:
    """The names of all records, in the order of ids."""
    return tuple(version.name for version in packaged() if version.current)


@cache
def schema_text(name: str) -> str:
    """Today's schema of a record as JSON text with docs and units: what a registry is given.

    Raises:
        UnknownSchema: there is no record of that name.
    """
    for version in packaged():
        if version.current and version.name == name:
            return version.text()
    raise UnknownSchema(f"there is no record named {name!r}")


@cache
def today(name: str) -> Definition:
    """Today's schema of a record, bare. Shared: do not change it."""
    definition: Definition = bare(json.loads(schema_text(name)))
    return definition


def bare(definition: Any) -> Any:
    """A copy of a schema without docs, units and logical types.

    Without logical types every reader and writer hands times over as the integers that they are.
    """
    if isinstance(definition, dict):
        kept = {key: bare(value) for key, value in definition.items() if key not in _NOT_BARE}
        return kept["type"] if kept.keys() == {"type"} else kept
    if isinstance(definition, list):
        return [bare(value) for value in definition]
    return definition


_NOT_BARE = ("doc", "unit", "logicalType")


def fingerprint(text: str) -> str:
    """SHA-256 of what a schema says apart from docs and units: equal as long as no reader could tell."""
    plain = json.dumps(bare(json.loads(text)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def full_name(definition: Any) -> str:
    """Namespace and name of a schema's record, "" where it has none."""
    if not isinstance(definition, dict) or not isinstance(definition.get("name"), str):
        return ""
    name: str = definition["name"]
    namespace = definition.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def file_stem(name: str) -> str:
    """`WeatherRun` -> `weather_run`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@cache
def _packaged_text(schema_id: int) -> str | None:
    return next((version.text() for version in packaged() if version.schema_id == schema_id), None)
