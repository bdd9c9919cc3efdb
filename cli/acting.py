"""Who acts on this machine, and the functions of the command line as the API is handed them."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2

from cli.training import known_to_serve
from consumers.api.audit import Actor, record
from consumers.api.hands import Changed
from infra.postgres import transaction
from schemas.errors import GridcastError, InputError

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.records import ReleaseRecord


_log = logging.getLogger(__name__)


def here() -> Actor:
    """The user of this machine."""
    return Actor(f"{getpass.getuser()} on the command line")


@contextmanager
def noted(
    settings: Settings, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """The rows of the audit trail of a change on Kafka, as the API writes them: that it was asked for, then
    what came of it. Where PostgreSQL is away the change is made all the same.
    """

    def note(outcome: str) -> None:
        try:
            with transaction(settings, "gridcast-trail") as cursor:
                record(cursor, here(), action, subject, outcome, detail)
        except (GridcastError, psycopg2.Error) as error:
            _log.warning("the trail has no row of %s %s: %s", action, subject, " ".join(str(error).split()))

    note("asked")
    try:
        yield
    except InputError as refusal:
        note(f"refused: {refusal}"[:500])
        raise
    except GridcastError as error:
        note(f"failed: {type(error).__name__}")
        raise
    note("done")


class ReleaseHands:
    """Promotes, puts beside and withdraws releases as `gridcast models` does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def promote(self, name: str, version: str, plants: tuple[str, ...], force: bool) -> Changed:
        """Let a release serve; where it does already nothing is sent."""
        from cli.releasing import Releases

        releases = Releases(self._settings)
        made, shadows = releases.promote(releases.find(version, name), plants, force)
        return Changed(
            _name(made), made.role.value, plants, bool(releases.sent), _name(made), _names(shadows)
        )

    def run_beside(self, name: str, version: str, plants: tuple[str, ...]) -> Changed:
        """Let a release run as a shadow; where it does already nothing is sent."""
        from cli.releasing import Releases

        releases = Releases(self._settings)
        made = releases.run_beside(releases.find(version, name), plants)
        serves = releases.champion_of(plants[0]) if plants else releases.champion
        return Changed(_name(made), made.role.value, plants, bool(releases.sent), known_to_serve(serves), ())

    def rollback(self, name: str, version: str, plants: tuple[str, ...], why: dict[str, Any]) -> Changed:
        """Withdraw what serves, if it is this release: asked for twice, it goes back once."""
        from cli.releasing import Releases

        releases = Releases(self._settings)
        gone, after = releases.rollback(plants, why, releases.find(version, name))
        return Changed(_name(gone), gone.role.value, plants, True, known_to_serve(after), ())


def _name(record: ReleaseRecord) -> str:
    return f"{record.name} {record.version}"


def _names(records: list[ReleaseRecord]) -> tuple[str, ...]:
    return tuple(_name(record) for record in records)
