"""What releases do, changed from the command line and for the API: published, promoted, rolled back.

A promotion leaves the champion before it running as a shadow, so that live scores of both are paired; a
rollback promotes that one again and withdraws the other. Every change is a record on `model.releases`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from cli import drafts, one_change
from cli.refusals import Refusals
from consumers.releases import (
    champion,
    find,
    identity,
    manifest_of,
    named_plants,
    of_job,
    predecessor,
    release_records,
    replaced,
    standing,
)
from infra.registry import schema_ids
from models import release_file
from models.training.manifest import brief
from producers.kafka_out import KafkaOut
from producers.releases import send_records, send_release
from schemas.codec import Codec
from schemas.errors import InputError, ServiceUnavailable
from schemas.records import ReleaseRecord, ReleaseRole
from streams.artifacts import Artifacts

if TYPE_CHECKING:
    from infra.settings import Settings
    from models.release import Release

#: A training took hours perhaps; a broker that is being restarted must not cost it.
PATIENCE_S: Final = 900.0

_log = logging.getLogger(__name__)


def _patiently(send: Callable[[], None]) -> None:
    """Send until Kafka has taken it all; sending it again does no harm.

    Raises:
        ServiceUnavailable: Kafka stayed away for `PATIENCE_S`.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(ServiceUnavailable),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_exponential(multiplier=1.0, max=30.0),
        before_sleep=lambda _state: _log.warning("Kafka did not take the release: trying again"),
        reraise=True,
    ):
        with attempt:
            send()


class NotServing(InputError):
    """It is another release that serves."""


class Releases:
    """The `model.releases` topic of this deployment, as it stood at the call, and what this process adds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.codec = Codec(schema_ids(settings))
        self.records = release_records(settings, self.codec)
        #: What this process has added, oldest first.
        self.sent: list[ReleaseRecord] = []
        self._artifacts = Artifacts(settings, self.codec)
        self._refusals = Refusals(self._artifacts)

    @property
    def champion(self) -> ReleaseRecord | None:
        """The release for every plant, None for the cold start."""
        return champion(self._taken_up())

    def champion_of(self, plant_id: str) -> ReleaseRecord | None:
        """What serves a plant, None for the cold start."""
        return champion(self._taken_up(plant_id), plant_id)

    def find(self, version: str, name: str | None) -> ReleaseRecord:
        """The newest record of a version; raises `InputError`."""
        return find(self.records, version, name)

    def manifest(self, record: ReleaseRecord) -> dict[str, Any]:
        """The whole manifest: from the artifact, where the record's was shortened to fit into a message.

        Raises:
            ReleaseRefused: the artifact cannot be read by this version.
        """
        said = manifest_of(record)
        if not said.get("shortened"):
            return said
        whole = self._artifacts.load_release(record).manifest
        return {**whole, **{name: said[name] for name in ("withdrawn",) if name in said}}

    def serves(self, record: ReleaseRecord) -> bool:
        """Whether this record is why its release serves, all plants or its own."""
        plants: tuple[str | None, ...] = record.plants or (None,)
        return any(champion(self._taken_up(plant_id), plant_id) == record for plant_id in plants)

    def refusal(self, record: ReleaseRecord) -> str | None:
        """Why a promotion does not serve though nothing was promoted after it; None for any other record."""
        plants: tuple[str | None, ...] = record.plants or (None,)
        passed = [one for plant_id in plants for one in self.records if one not in self._taken_up(plant_id)]
        return self._refusals.of(record) if record in passed else None

    def _taken_up(self, plant_id: str | None = None) -> list[ReleaseRecord]:
        """The records without the newest promotions that workers refuse: what served before them goes on."""
        records = list(self.records)
        while (serves := champion(records, plant_id)) is not None and self._refusals.of(serves):
            records.remove(serves)
        return records

    def publish(
        self, release: Release, role: ReleaseRole, plants: tuple[str, ...] = ()
    ) -> tuple[ReleaseRecord, list[ReleaseRecord]]:
        """Send a new release; workers take it up from the topic. Returns its record and the new shadows.

        `plants`: whom it shall serve, and nobody else; every plant where there are none.
        """
        artifact = release_file.save(release)
        # A training takes hours, and somebody may have promoted another release meanwhile.
        with self._changing(PATIENCE_S):
            return self._publish(release, artifact, role, plants)

    def _publish(
        self, release: Release, artifact: bytes, role: ReleaseRole, plants: tuple[str, ...]
    ) -> tuple[ReleaseRecord, list[ReleaseRecord]]:
        sent = of_job(self.records, release.manifest.get("job"))
        if sent is not None:
            return sent, []
        draft = ReleaseRecord(
            name=release.name,
            version=release.version,
            valid_from_ms=0,
            known_at_ms=0,
            role=role,
            plants=plants,
            artifact_sha256=hashlib.sha256(artifact).hexdigest(),
            artifact_bytes=len(artifact),
            manifest=json.dumps(brief(release.manifest, drafts.MANIFEST_BYTES), sort_keys=True),
        )
        gone = replaced(self.records, plants) if role is ReleaseRole.CHAMPION else {}
        record, *shadows = self._dated([draft, *drafts.left_running(gone, draft)])
        _patiently(lambda: send_release(KafkaOut(self._settings), self.codec, record, artifact, shadows))
        self._add([record, *shadows])
        return record, shadows

    def refresh(self) -> None:
        """Read the topic again."""
        self.records = release_records(self._settings, self.codec)

    @contextmanager
    def _changing(self, patience_s: float = one_change.PATIENCE_S) -> Iterator[None]:
        """One change at a time, which goes by what stands once it is its turn."""
        with one_change.one_change(self._settings, patience_s):
            self.refresh()
            yield

    def promote(
        self, record: ReleaseRecord, plants: tuple[str, ...] = (), force: bool = False
    ) -> tuple[ReleaseRecord, list[ReleaseRecord]]:
        """Let a release serve these plants (all where there are none); returns its record and the shadows.

        Where it serves them already nothing is sent, so a promotion that is asked for twice is made once.
        `force`: also one that was judged to be no better than what served.

        Raises:
            InputError: it was not trained on one of them, its artifact must not be used, or it was judged.
        """
        with self._changing():
            return self._promote(record, plants, force)

    def _promote(
        self, record: ReleaseRecord, plants: tuple[str, ...], force: bool
    ) -> tuple[ReleaseRecord, list[ReleaseRecord]]:
        self._refuse_unfit(record, plants)
        verdict = manifest_of(record).get("verdict")
        if not force and isinstance(verdict, dict) and verdict.get("promoted") is False:
            name = f"{record.name} {record.version}"
            raise InputError(
                f"{name} was judged not to be better: {verdict.get('reason')}: force it to serve"
            )
        standing = self.serving_for(record, plants)
        if standing is not None:
            return standing, []
        gone = replaced(self.records, plants)
        manifest = {name: value for name, value in manifest_of(record).items() if name != "withdrawn"}
        text = json.dumps(manifest, sort_keys=True)
        draft = replace(record, role=ReleaseRole.CHAMPION, plants=plants, manifest=text)
        made, *shadows = self._send(draft, *drafts.left_running(gone, draft))
        return made, shadows

    def run_beside(self, record: ReleaseRecord, plants: tuple[str, ...] = ()) -> ReleaseRecord:
        """Let a release run as a shadow: forecasts that are scored and never published.

        Raises:
            InputError: it serves, was not trained on one of the plants, or its artifact must not be used.
        """
        with self._changing():
            return self._run_beside(record, plants)

    def _run_beside(self, record: ReleaseRecord, plants: tuple[str, ...]) -> ReleaseRecord:
        self._refuse_unfit(record, plants)
        name = f"{record.name} {record.version}"
        if any(one is not None and identity(one) == identity(record) for one in self._serving(plants)):
            raise InputError(f"{name} serves: promote another one, and it runs on as a shadow by itself")
        newest = find(self.records, record.version, record.name)
        if newest.role is ReleaseRole.SHADOW and newest.plants == plants:
            return newest
        return self._send(replace(record, role=ReleaseRole.SHADOW, plants=plants))[0]

    def serving_for(self, record: ReleaseRecord, plants: tuple[str, ...]) -> ReleaseRecord | None:
        """Why a release serves all of these plants already; None where it does not."""
        serving = self._serving(plants)
        if not serving or any(one is None or identity(one) != identity(record) for one in serving):
            return None
        return serving[0]

    def _serving(self, plants: tuple[str, ...]) -> list[ReleaseRecord | None]:
        """What serves each of these plants; of all plants: those that a record is for alone, and the rest."""
        asked: tuple[str | None, ...] = plants or (None, *named_plants(self.records))
        return [champion(self._taken_up(plant_id), plant_id) for plant_id in asked]

    def _refuse_unfit(self, record: ReleaseRecord, plants: tuple[str, ...]) -> None:
        name = f"{record.name} {record.version}"
        strangers = drafts.strangers_to(record, plants)
        if strangers:
            raise InputError(f"{name} was not trained on {', '.join(strangers)}: workers would refuse it")
        why = self._refusals.of(record)
        if why is not None:
            raise InputError(f"{name}: workers would refuse it: {why}")

    def rollback(
        self,
        plants: tuple[str, ...] = (),
        why: dict[str, Any] | None = None,
        only: ReleaseRecord | None = None,
    ) -> tuple[ReleaseRecord, ReleaseRecord | None]:
        """Withdraw what serves and let what served before it serve again; returns both.

        `why` is kept in the withdrawn record's manifest. `only`: if it is this release that serves, so that
        whoever asks twice goes back once; a rollback of it that broke off half way is completed.

        Raises:
            NotServing: it is another one.
            InputError: nothing serves but the built-in cold start, or several releases serve these plants.
        """
        with self._changing():
            return self._rollback(plants, why, only)

    def _rollback(
        self, plants: tuple[str, ...], why: dict[str, Any] | None, only: ReleaseRecord | None
    ) -> tuple[ReleaseRecord, ReleaseRecord | None]:
        asked: tuple[str | None, ...] = plants or (None,)
        serving = {p: champion(self._taken_up(p), p) for p in asked}
        if only is not None and not all(drafts.same(one, only) for one in serving.values()):
            if all(self._half_gone(plant_id, only) for plant_id in asked):
                return self._send(drafts.withdrawn(only, plants, why))[0], serving[asked[0]]
            raise NotServing(drafts.serves_not(only, serving))
        names = {None if one is None else identity(one) for one in serving.values()}
        if names == {None}:
            raise InputError("nothing to roll back: no release serves but the built-in cold start")
        if len(names) > 1:
            raise InputError("these plants are served by several releases: roll them back one by one")
        plant_id, gone = next(iter(serving.items()))
        assert gone is not None
        before = self._before(plant_id)
        # First, so that nobody is without a release in between. A release for every plant needs no record
        # that names those that it was not trained on: they are on the physical start.
        withdrawn = drafts.withdrawn(gone, plants, why)
        if before is None or drafts.strangers_to(before, plants):
            return self._send(withdrawn)[0], before
        again, done = self._send(replace(before, role=ReleaseRole.CHAMPION, plants=plants), withdrawn)
        return done, again

    def _half_gone(self, plant_id: str | None, record: ReleaseRecord) -> bool:
        """Whether another one was promoted over this release, and it was neither withdrawn nor put beside."""
        if not drafts.same(self._before(plant_id), record):
            return False
        newest = [one for one in standing(self.records, plant_id) if drafts.same(one, record)][-1]
        return newest.role is ReleaseRole.CHAMPION

    def _before(self, plant_id: str | None) -> ReleaseRecord | None:
        """What served before the champion of a plant, and may serve again."""
        records = self._taken_up(plant_id)
        while (before := predecessor(records, plant_id)) is not None and self._refusals.of(before):
            records.remove(before)
        return before

    def _send(self, *unsent: ReleaseRecord) -> list[ReleaseRecord]:
        """Send what is one change in one go: what is left half done is what a broker left so."""
        made = self._dated(unsent)
        send_records(KafkaOut(self._settings), self.codec, made)
        self._add(made)
        return made

    def _add(self, made: Sequence[ReleaseRecord]) -> None:
        self.records = [*self.records, *made]
        self.sent = [*self.sent, *made]

    def _dated(self, unsent: Sequence[ReleaseRecord]) -> list[ReleaseRecord]:
        """Known from now on, one after the other, and after every record of their names: compaction keeps one
        record for a name and a time.
        """
        names = {one.name for one in unsent}
        newest = max((one.valid_from_ms for one in self.records if one.name in names), default=0)
        first_ms = max(time.time_ns() // 1_000_000, newest + 1)
        return [
            replace(one, valid_from_ms=at_ms, known_at_ms=at_ms) for at_ms, one in enumerate(unsent, first_ms)
        ]


def write_beside(home: Path, record: ReleaseRecord, manifest: dict[str, Any]) -> Path:
    """Manifest and model card as files under `home`; returns the card's path."""
    from models.training.card import card

    folder = home / "releases"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{record.name}-{record.version}"
    text = json.dumps(manifest, indent=2, sort_keys=True)
    (folder / f"{stem}.json").write_text(text + "\n", encoding="utf-8")
    path = folder / f"{stem}.md"
    page = card(record.name, record.version, record.artifact_sha256, json.loads(text))
    path.write_text(page, encoding="utf-8")
    return path
