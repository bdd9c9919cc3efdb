"""Model releases to their topics: the artifact in pieces, acknowledged, then the record that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from infra.kafka import Outgoing
from infra.topics import ARTIFACTS, RELEASES
from producers.kafka_out import Out
from producers.keys import version_key
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import ReleaseRecord

#: With key and headers a piece stays under a broker's usual limit of 1 MB for a message.
CHUNK_BYTES: Final = 800_000


def chunks(artifact: bytes) -> list[dict[str, Any]]:
    """The artifact as `ArtifactChunk` records."""
    sha256 = hashlib.sha256(artifact).hexdigest()
    parts = [artifact[start : start + CHUNK_BYTES] for start in range(0, len(artifact), CHUNK_BYTES)]
    return [
        {"sha256": sha256, "index": index, "count": len(parts), "payload": part}
        for index, part in enumerate(parts)
    ]


def send_artifact(out: Out, codec: Codec, artifact: bytes) -> int:
    """Send an artifact to `model.artifacts`; returns the number of its pieces, all acknowledged."""
    records = chunks(artifact)
    payloads = codec.encode("ArtifactChunk", records)
    keys = [f"{record['sha256']}/{record['index']}".encode() for record in records]
    return out.send(Outgoing(ARTIFACTS, key, payload) for key, payload in zip(keys, payloads, strict=True))


def send_record(out: Out, codec: Codec, record: ReleaseRecord) -> None:
    """Send the record of a release whose artifact is already there: a promotion, a rollback, a withdrawal."""
    send_records(out, codec, [record])


def send_records(out: Out, codec: Codec, records: Sequence[ReleaseRecord]) -> None:
    """Send the records of one change together, in this order."""
    payloads = codec.encode("Release", [record.to_avro() for record in records])
    keys = [version_key(record.name, record.valid_from_ms) for record in records]
    out.send([Outgoing(RELEASES, key, payload) for key, payload in zip(keys, payloads, strict=True)])


def send_release(
    out: Out, codec: Codec, record: ReleaseRecord, artifact: bytes, others: Sequence[ReleaseRecord] = ()
) -> None:
    """Send a new release. A worker that reads its record finds the artifact whole. `others`: records of
    releases before it, which change with it.

    Raises:
        InputError: the artifact is not the one that the record names.
        ServiceUnavailable: Kafka did not take all of it; sending it again does no harm.
    """
    if (hashlib.sha256(artifact).hexdigest(), len(artifact)) != (
        record.artifact_sha256,
        record.artifact_bytes,
    ):
        raise InputError(f"release {record.name} {record.version} names another artifact than the one given")
    send_artifact(out, codec, artifact)
    send_records(out, codec, [record, *others])
