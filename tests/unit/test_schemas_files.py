"""The .avsc files: complete, documented, and never changed in a way that loses what was written."""

import copy
import json
from pathlib import Path
from typing import Any

import avro.schema
import fastavro
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

import schemas
from schemas.errors import UnknownSchema
from schemas.ids import (
    FIRST_PACKAGED_ID,
    SchemaIds,
    bare,
    file_stem,
    fingerprint,
    full_name,
    packaged,
    record_names,
    schema_text,
    today,
)

FOLDER = Path(schemas.__file__).parent
UNITS = {
    "none", "flag", "code", "1", "offset", "bytes", "ms", "s", "m", "m/s", "deg", "degC", "W/m2", "kW", "kWh",
    "in the name", "of the subject",
}  # fmt: skip


def can_read(reader: str, writer: str) -> bool:
    """Whether Avro's own library says that records of the one can be read as the other."""
    pair = (avro.schema.parse(reader), avro.schema.parse(writer))
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(*pair)
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def fields_of(definition: Any) -> list[dict[str, Any]]:
    """All fields at any depth."""
    if isinstance(definition, list):
        return [field for item in definition for field in fields_of(item)]
    if not isinstance(definition, dict):
        return []
    own: list[dict[str, Any]] = definition.get("fields", [])
    parts = [*(field["type"] for field in own), definition.get("items"), definition.get("values")]
    nested = definition["type"] if isinstance(definition.get("type"), dict) else None
    return own + [field for part in [*parts, nested] for field in fields_of(part)]


@pytest.mark.parametrize("name", record_names())
def test_every_record_has_its_file_under_its_name(name: str) -> None:
    definition = json.loads((FOLDER / f"{file_stem(name)}.avsc").read_text())
    assert full_name(definition) == f"gridcast.{name}"
    assert (FOLDER / f"{file_stem(name)}.avsc").read_text() == schema_text(name)


def test_no_file_is_without_an_id() -> None:
    assert {path.stem for path in FOLDER.glob("*.avsc")} == {file_stem(name) for name in record_names()}


@pytest.mark.parametrize("name", record_names())
def test_every_field_says_what_it_is_and_in_which_unit(name: str) -> None:
    definition = json.loads(schema_text(name))
    assert definition["doc"]
    for field in fields_of(definition):
        assert field["doc"].endswith("."), field["name"]
        assert field["unit"] in UNITS, field["name"]


@pytest.mark.parametrize(
    ("ending", "unit"),
    [("_kw", "kW"), ("_kwh", "kWh"), ("_s", "s"), ("_m", "m"), ("_deg", "deg"), ("_c", "degC")],
)
def test_units_in_names_are_the_units_in_the_schema(ending: str, unit: str) -> None:
    every = [field for name in record_names() for field in fields_of(json.loads(schema_text(name)))]
    meant = [field for field in every if field["name"].endswith(ending)]
    assert {field["unit"] for field in meant} == {unit}


def test_every_time_is_timestamp_millis() -> None:
    every = [field for name in record_names() for field in fields_of(json.loads(schema_text(name)))]
    for field in every:
        assert (field["unit"] == "ms") == ("timestamp-millis" in json.dumps(field["type"]))


def test_ids_only_grow() -> None:
    ids = [version.schema_id for version in packaged()]
    assert ids == list(range(FIRST_PACKAGED_ID, FIRST_PACKAGED_ID + len(ids)))
    for name in record_names():
        versions = [version.version for version in packaged() if version.name == name]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("version", packaged(), ids=lambda version: f"{version.name}.{version.version}")
def test_a_released_version_is_never_edited(version: Any) -> None:
    assert fingerprint(version.text()) == version.sha256, (
        "released: see schemas/ids.py for how to change a schema"
    )


@pytest.mark.parametrize("name", record_names())
def test_today_reads_what_every_older_version_wrote(name: str) -> None:
    older = [version.text() for version in packaged() if version.name == name]
    assert all(can_read(schema_text(name), text) for text in older)


@pytest.mark.parametrize("name", record_names())
def test_a_new_field_must_have_a_default(name: str) -> None:
    without, having = (json.loads(schema_text(name)) for _ in range(2))
    without["fields"].append({"name": "new_kw", "type": "double"})
    having["fields"].append({"name": "new_kw", "type": ["null", "double"], "default": None})
    assert not can_read(json.dumps(without), schema_text(name))
    assert can_read(json.dumps(having), schema_text(name))


@pytest.mark.parametrize("name", record_names())
def test_a_field_must_not_change_its_type(name: str) -> None:
    changed = json.loads(schema_text(name))
    changed["fields"][0]["type"] = {"type": "array", "items": "double"}
    assert not can_read(json.dumps(changed), schema_text(name))


@pytest.mark.parametrize("name", record_names())
def test_the_bare_schema_has_no_times_left_and_is_still_a_schema(name: str) -> None:
    before = copy.deepcopy(json.loads(schema_text(name)))
    assert "logicalType" not in json.dumps(today(name))
    fastavro.parse_schema(today(name))
    assert fingerprint(schema_text(name)) == fingerprint(json.dumps(before))


def test_docs_and_units_are_not_part_of_the_fingerprint_but_types_and_defaults_are() -> None:
    text = schema_text("Tick")
    told = text.replace("UTC", "in UTC")
    assert told != text
    assert fingerprint(told) == fingerprint(text)
    assert fingerprint(text.replace('"string"', '"bytes"')) != fingerprint(text)
    assert bare({"type": "long", "logicalType": "timestamp-millis"}) == "long"


def test_an_id_of_the_registry_is_fetched_once_and_a_foreign_record_is_unknown() -> None:
    asked: list[int] = []
    foreign = '{"type": "record", "name": "other.Tick", "fields": []}'

    def fetch(schema_id: int) -> str | None:
        asked.append(schema_id)
        return {7: schema_text("Tick"), 8: foreign}.get(schema_id)

    ids = SchemaIds({"Tick": 7}, fetch)
    assert ids.id_of("Tick") == 7
    assert ids.id_of("Score") >= FIRST_PACKAGED_ID
    for _ in range(2):
        assert ids.writer(7).name == "Tick"
        for unknown in (8, 9):
            with pytest.raises(UnknownSchema):
                ids.writer(unknown)
    assert asked == [7, 8, 9]


def test_packaged_ids_are_understood_whatever_the_registry_says() -> None:
    ids = SchemaIds({"Tick": 7}, lambda _: None)
    assert [ids.writer(version.schema_id).name for version in packaged()] == [v.name for v in packaged()]
    with pytest.raises(UnknownSchema):
        ids.id_of("Nothing")
