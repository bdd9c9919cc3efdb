"""`gridcast models`: the releases."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, iso, json_option, table
from infra import settings

if TYPE_CHECKING:
    from schemas.records import ReleaseRecord, ReleaseRole

_name = click.option("--name", help="Where several releases have this version.")


@click.group(epilog="Example:  gridcast models list")
def command() -> None:
    """Releases: list, show, promote, roll back. Running workers follow without a restart."""


@command.command("list", epilog="Example:  gridcast models list --json")
@json_option
def list_(as_json: bool) -> None:
    """Every release, oldest first, and which of them serves."""
    releases = _Releases()
    rows = [_row(record, releases) for record in releases.records]
    lines = [*table(rows)] if rows else ["no release yet: the built-in cold start serves; `gridcast train`"]
    emit(rows, as_json, lines)


@command.command("show", epilog="Example:  gridcast models show 3")
@click.argument("version")
@_name
@json_option
def show(version: str, name: str | None, as_json: bool) -> None:
    """One release: what it was trained on, and how it did on the days held back."""
    releases = _Releases()
    record = releases.find(version, name)
    manifest = _manifest(record)
    document = {**_row(record, releases), "manifest": manifest}
    emit(document, as_json, [*_about(record, releases), *_plants(manifest), *_scores(manifest)])


@command.command("promote", epilog="Example:  gridcast models promote 3")
@click.argument("version")
@_name
@json_option
def promote(version: str, name: str | None, as_json: bool) -> None:
    """Let a release serve from now on, one that was a shadow, withdrawn, or replaced."""
    from schemas.records import ReleaseRole

    releases = _Releases()
    record = releases.send(releases.find(version, name), ReleaseRole.CHAMPION)
    emit(_row(record, releases), as_json, [f"{record.name} {record.version} serves from now on"])


@command.command("rollback", epilog="Example:  gridcast models rollback")
@json_option
def rollback(as_json: bool) -> None:
    """Withdraw the champion: the release before it serves again, the cold start where there was none."""
    from schemas.errors import InputError
    from schemas.records import ReleaseRole

    releases = _Releases()
    if releases.champion is None:
        raise InputError("nothing to roll back: no release serves but the built-in cold start")
    gone = releases.send(releases.champion, ReleaseRole.WITHDRAWN)
    after = releases.champion
    now = f"{after.name} {after.version}" if after is not None else "the built-in cold start"
    document = {"withdrawn": _row(gone, releases), "serves": None if after is None else _row(after, releases)}
    emit(document, as_json, [f"{gone.name} {gone.version} is withdrawn; {now} serves again"])


class _Releases:
    """The `model.releases` topic of this deployment, as it stood at the call."""

    def __init__(self) -> None:
        from consumers.releases import release_records
        from infra.registry import schema_ids
        from schemas.codec import Codec

        self._settings = settings.load()
        self._codec = Codec(schema_ids(self._settings))
        self.records = release_records(self._settings, self._codec)

    @property
    def champion(self) -> ReleaseRecord | None:
        """The release that serves, None for the cold start."""
        from consumers.releases import champion

        return champion(self.records)

    def find(self, version: str, name: str | None) -> ReleaseRecord:
        """The newest record of a version."""
        from consumers.releases import find

        return find(self.records, version, name)

    def serves(self, record: ReleaseRecord) -> bool:
        """Whether this record is why its release serves."""
        return record == self.champion

    def send(self, record: ReleaseRecord, role: ReleaseRole) -> ReleaseRecord:
        """Publish the same release in another role from now on."""
        from producers.kafka_out import KafkaOut
        from producers.releases import send_record

        now_ms = time.time_ns() // 1_000_000
        made = replace(record, role=role, valid_from_ms=now_ms, known_at_ms=now_ms)
        send_record(KafkaOut(self._settings), self._codec, made)
        self.records = [*self.records, made]
        return made


def _row(record: ReleaseRecord, releases: _Releases) -> dict[str, Any]:
    return {
        "name": record.name,
        "version": record.version,
        "role": record.role.value,
        "serves": releases.serves(record),
        "since": iso(record.valid_from_ms),
        "plants": ",".join(record.plants) or "all",
        "sha256": record.artifact_sha256[:12],
        "bytes": record.artifact_bytes,
    }


def _manifest(record: ReleaseRecord) -> dict[str, Any]:
    try:
        manifest = json.loads(record.manifest)
    except ValueError:
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _about(record: ReleaseRecord, releases: _Releases) -> list[str]:
    state = "serves" if releases.serves(record) else f"{record.role.value}, does not serve"
    manifest = _manifest(record)
    lines = [f"{record.name} {record.version}: {state}, since {iso(record.valid_from_ms)}"]
    lines += [f"artifact {record.artifact_sha256}, {record.artifact_bytes / 1e6:.1f} MB"]
    if "verdict" in manifest:
        lines.append(f"judged: {manifest['verdict']}")
    if manifest.get("hindsight"):
        lines.append("trained with weather that was made afterwards: its skill is an upper bound")
    return lines


def _plants(manifest: dict[str, Any]) -> list[str]:
    names = ("kind", "from", "to", "intervals", "clean_part", "weather_model", "weather_runs")
    rows = [
        {"plant": plant_id, **{name: about.get(name) for name in names}}
        for plant_id, about in manifest.get("plants", {}).items()
    ]
    return ["", *table(rows)] if rows else []


def _scores(manifest: dict[str, Any]) -> list[str]:
    names = {"nmae": "error %", "nmae_persistence": "persistence %", "coverage80": "in 80 % band"}
    rows = [
        {
            "plant": plant_id,
            "lead": lead,
            "hours": score.get("n"),
            **{title: score.get(key) for key, title in names.items()},
        }
        for plant_id, leads in manifest.get("scores", {}).items()
        for lead, score in sorted(leads.items(), key=lambda one: int(one[0].removesuffix("h")))
    ]
    return ["", *table(rows)] if rows else []
