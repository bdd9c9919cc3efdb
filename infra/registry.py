"""Schema ids of this deployment: of a Confluent-compatible registry where a URL is set, else the packaged.

Records of several types share a topic, so a subject is a record's full name (`RecordNameStrategy`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.errors import IncompatibleSchema, ServiceUnavailable, SettingsError
from schemas.ids import NAMESPACE, SchemaIds, record_names, schema_text

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from infra.settings import Settings

_NOT_FOUND = 404
_CONFLICT = 409


def schema_ids(settings: Settings) -> SchemaIds:
    """The ids to read and write with; registers today's schemas where there is a registry.

    Raises `ServiceUnavailable` when the registry does not answer, `IncompatibleSchema` when it refuses one.
    """
    if settings.schema_registry_url is None:
        return SchemaIds()
    client = registry_client(settings)
    written = {name: _register(client, name) for name in record_names()}
    return SchemaIds(written, lambda schema_id: _fetch(client, schema_id))


def registry_client(settings: Settings) -> SchemaRegistryClient:
    """A client of the registry that the settings name."""
    from confluent_kafka.schema_registry import SchemaRegistryClient

    config: dict[str, Any] = {"url": settings.schema_registry_url, "timeout": 10, "max.retries": 2}
    if settings.schema_registry_user.get_secret_value():
        config["basic.auth.user.info"] = settings.schema_registry_user.get_secret_value()
    if settings.schema_registry_ca_file is not None:
        config["ssl.ca.location"] = str(settings.schema_registry_ca_file)
    try:
        return SchemaRegistryClient(config)
    except (ValueError, OSError) as error:
        raise SettingsError(f"the settings for the schema registry cannot be used: {error}") from error


def _register(client: SchemaRegistryClient, name: str) -> int:
    from confluent_kafka.schema_registry import Schema
    from confluent_kafka.schema_registry.error import SchemaRegistryError
    from httpx2 import HTTPError

    try:
        return int(client.register_schema(f"{NAMESPACE}.{name}", Schema(schema_text(name), "AVRO")))
    except SchemaRegistryError as error:
        if error.http_status_code == _CONFLICT:
            raise IncompatibleSchema(f"the registry refuses {name}: {error.error_message}") from error
        raise _unavailable(error) from error
    except HTTPError as error:
        raise _unavailable(error) from error


def _fetch(client: SchemaRegistryClient, schema_id: int) -> str | None:
    from confluent_kafka.schema_registry.error import SchemaRegistryError
    from httpx2 import HTTPError

    try:
        return client.get_schema(schema_id).schema_str
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise _unavailable(error) from error
    except HTTPError as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> ServiceUnavailable:
    return ServiceUnavailable(f"the schema registry does not answer: {error}")
