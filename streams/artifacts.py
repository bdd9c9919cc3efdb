"""Model artifacts: fetched from `model.artifacts` by hash, verified, kept on disk and in memory."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from infra.topic_reader import read
from infra.topics import ARTIFACTS
from models import release_file
from models.release import Release, cold_start
from schemas.codec import Codec
from schemas.errors import DecodeError, ReleaseRefused, ServiceUnavailable
from schemas.records import ReleaseRecord, ReleaseRole

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

CHUNKS_AT_ONCE = 50
#: A release that is missing only because Kafka is away must not be refused: other workers would take it up.
PATIENCE_S = 300.0


class Artifacts:
    """Loads releases for the engines of one worker; they share what was loaded."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._loaded: dict[str, tuple[Release, int]] = {}

    def load_release(self, record: ReleaseRecord) -> Release:
        """The models of a release; blocks while they are fetched.

        Raises:
            ReleaseRefused: the artifact is not there, not whole, or not what the record says: its hash, its
                size, the plants, or its numbers on the probe. All this is the same for every worker.
            ServiceUnavailable: Kafka stayed away for `PATIENCE_S`.
        """
        sha256 = record.artifact_sha256
        if not sha256:
            return cold_start()
        if sha256 not in self._loaded:
            content = self._bytes(sha256)
            self._loaded[sha256] = release_file.load(content), len(content)
            _log.info("release %s %s loaded", record.name, record.version)
        release, size = self._loaded[sha256]
        _check(record, release, size)
        return release

    def _bytes(self, sha256: str) -> bytes:
        if len(sha256) != 64 or not all(letter in "0123456789abcdef" for letter in sha256):
            raise ReleaseRefused(f"{sha256!r} is no SHA-256")
        path = self._settings.home / "artifacts" / sha256
        if path.exists():
            kept = path.read_bytes()
            if hashlib.sha256(kept).hexdigest() == sha256:
                return kept
        fetched = self._fetch(sha256)
        _write(path, fetched)
        return fetched

    @retry(
        retry=retry_if_exception_type(ServiceUnavailable),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_exponential(multiplier=0.5, max=10.0),
        reraise=True,
    )
    def _fetch(self, sha256: str) -> bytes:
        chunks: dict[int, bytes] = {}
        count = 0
        wanted = f"{sha256}/".encode()
        for messages in read(self._settings, ARTIFACTS, batch=CHUNKS_AT_ONCE):
            for message in messages:
                payload = message.value()
                if payload is None or not (message.key() or b"").startswith(wanted):
                    continue
                chunk = self._chunk(payload)
                chunks[chunk["index"]] = chunk["payload"]
                count = chunk["count"]
        if not chunks or sorted(chunks) != list(range(count)):
            raise ReleaseRefused(f"artifact {sha256[:12]}: {len(chunks)} of {count} chunks are there")
        whole = b"".join(chunks[index] for index in range(count))
        if hashlib.sha256(whole).hexdigest() != sha256:
            raise ReleaseRefused(f"artifact {sha256[:12]}: its bytes have another hash")
        return whole

    def _chunk(self, payload: bytes) -> dict[str, Any]:
        try:
            name, chunk = self._codec.decode(payload)
        except DecodeError as error:
            raise ReleaseRefused(f"a chunk of its artifact cannot be read: {error}") from error
        if name != "ArtifactChunk":
            raise ReleaseRefused(f"a chunk of its artifact is a {name}")
        return chunk


def _check(record: ReleaseRecord, release: Release, size: int) -> None:
    """Refuse a record that speaks of another artifact, or of plants that the release was not trained on."""
    if size != record.artifact_bytes:
        raise ReleaseRefused(f"the artifact has {size} bytes, the record says {record.artifact_bytes}")
    strangers = sorted(plant_id for plant_id in record.plants if not release.knows(plant_id))
    serves = record.role is ReleaseRole.CHAMPION  # a shadow of strangers serves nobody, and hurts nobody
    if serves and strangers and "plants" in release.manifest:
        raise ReleaseRefused(f"it was not trained on {', '.join(strangers[:5])}, which it shall serve")


def _write(path: Path, content: bytes) -> None:
    """All or nothing: several workers may share the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
