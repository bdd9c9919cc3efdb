"""Model artifacts: fetched from `model.artifacts` by hash, verified, kept on disk and in memory."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from infra.allocator import give_back
from infra.topic_reader import read
from infra.topics import ARTIFACTS
from models import release_file
from models.release import Release, cold_start
from schemas.codec import Codec
from schemas.errors import DecodeError, ReleaseRefused, ServiceUnavailable
from schemas.records import ReleaseRecord, ReleaseRole
from streams.trial import VERSION, expect_to_load

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
        self._unfit: dict[str, str] = {}  # by hash: what these bytes are will never change
        self._told: set[tuple[str, str, int]] = set()

    def load_release(self, record: ReleaseRecord) -> Release:
        """The models of a release; blocks while they are fetched and tried.

        Raises:
            ReleaseRefused: the artifact is not there, not whole, too large, or not what the record says: its
                hash, its size, its name, the plants, or its numbers on the probe. All this is the same for
                every worker.
            ServiceUnavailable: Kafka stayed away for `PATIENCE_S`, or the artifact could not be tried.
        """
        try:
            return self._load(record)
        except ReleaseRefused as why:
            self._tell(record, why)
            raise

    def _load(self, record: ReleaseRecord) -> Release:
        sha256 = record.artifact_sha256
        if not sha256:
            return cold_start()
        if sha256 in self._unfit:
            raise ReleaseRefused(self._unfit[sha256])
        if sha256 not in self._loaded:
            content = self._bytes(record)
            self._loaded[sha256] = release_file.load(content, tried=True), len(content)
            del content
            give_back()
            _log.info("release %s %s loaded", record.name, record.version)
        release, size = self._loaded[sha256]
        _check(record, release, size)
        return release

    def _tell(self, record: ReleaseRecord, why: ReleaseRefused) -> None:
        """Once, though each partition hears of it."""
        identity = (record.name, record.version, record.valid_from_ms)
        if identity not in self._told:
            self._told.add(identity)
            what = " ".join(f"{record.name} {record.version}".split())
            _log.error("release %s is refused, what served before goes on: %s", what, why)

    def _bytes(self, record: ReleaseRecord) -> bytes:
        """The artifact's bytes, tried; what lies on disk under its hash was tried before it was put there."""
        sha256 = record.artifact_sha256
        if len(sha256) != 64 or not all(letter in "0123456789abcdef" for letter in sha256):
            raise ReleaseRefused(f"{sha256[:100]!r} is no SHA-256")
        if not 0 < record.artifact_bytes <= release_file.MOST_BYTES:
            most = release_file.MOST_BYTES
            raise ReleaseRefused(f"the artifact has {record.artifact_bytes} bytes: it may have 1 to {most}")
        path = tried_in(self._settings.home) / sha256
        if path.exists():
            kept = path.read_bytes()
            if hashlib.sha256(kept).hexdigest() == sha256:
                return kept
        fetched = self._fetch(sha256, record.artifact_bytes)
        try:
            _write(path, fetched)
        except ReleaseRefused as why:
            self._unfit[sha256] = str(why)
            raise
        return fetched

    @retry(
        retry=retry_if_exception_type(ServiceUnavailable),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_exponential(multiplier=0.5, max=10.0),
        reraise=True,
    )
    def _fetch(self, sha256: str, size: int) -> bytes:
        """The artifact by its chunks; no more is held than the `size` that its record names."""
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
                if sum(map(len, chunks.values())) > size:
                    raise ReleaseRefused(f"artifact {sha256[:12]}: it has more than the {size} bytes told")
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


def tried_in(home: Path) -> Path:
    """Where artifacts are kept that today's trial has found fit."""
    return home / "artifacts" / f"tried-{VERSION}"


def _check(record: ReleaseRecord, release: Release, size: int) -> None:
    """Refuse a record that speaks of another artifact, or of plants that the release was not trained on."""
    if (record.name, record.version) != (release.name, release.version):
        raise ReleaseRefused(
            f"the artifact is of {release.name} {release.version}, not of what the record says"
        )
    if size != record.artifact_bytes:
        raise ReleaseRefused(f"the artifact has {size} bytes, the record says {record.artifact_bytes}")
    strangers = sorted(plant_id for plant_id in record.plants if not release.knows(plant_id))
    serves = record.role is ReleaseRole.CHAMPION  # a shadow of strangers serves nobody, and hurts nobody
    if serves and strangers and "plants" in release.manifest:
        raise ReleaseRefused(f"it was not trained on {', '.join(strangers[:5])}, which it shall serve")


def _write(path: Path, content: bytes) -> None:
    """All or nothing, and only what was tried: several workers may share the folder.

    Raises `ReleaseRefused` where the trial says so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        expect_to_load(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
