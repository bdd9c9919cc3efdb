"""Who acts on this machine, and the functions of the command line as the API is handed them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from cli.training import known_to_serve
from consumers.api.audit import Actor
from consumers.api.hands import Changed
from consumers.releases import identity
from schemas.errors import InputError

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.records import ReleaseRecord


def here() -> Actor:
    """The user of this machine."""
    return Actor(f"{getpass.getuser()} on the command line")


class ReleaseHands:
    """Promotes, puts beside and withdraws releases as `gridcast models` does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def promote(self, name: str, version: str, plants: tuple[str, ...], force: bool) -> Changed:
        """Let a release serve; where it does already nothing is sent."""
        from cli.releasing import Releases

        releases = Releases(self._settings)
        record, before = releases.find(version, name), len(releases.records)
        made, shadows = releases.promote(record, plants, force)
        changed = len(releases.records) > before
        return Changed(_name(made), made.role.value, plants, changed, _name(made), _names(shadows))

    def run_beside(self, name: str, version: str, plants: tuple[str, ...]) -> Changed:
        """Let a release run as a shadow; where it does already nothing is sent."""
        from cli.releasing import Releases

        releases = Releases(self._settings)
        record, before = releases.find(version, name), len(releases.records)
        made = releases.run_beside(record, plants)
        serves = releases.champion_of(plants[0]) if plants else releases.champion
        changed = len(releases.records) > before
        return Changed(_name(made), made.role.value, plants, changed, known_to_serve(serves), ())

    def rollback(self, name: str, version: str, plants: tuple[str, ...], why: dict[str, Any]) -> Changed:
        """Withdraw what serves, if it is this release: asked for twice, it goes back once."""
        from cli.releasing import Releases

        releases = Releases(self._settings)
        record = releases.find(version, name)
        for plant_id in plants or (None,):
            serves = releases.champion if plant_id is None else releases.champion_of(plant_id)
            if serves is None or identity(serves) != identity(record):
                whom = plant_id or "every plant"
                raise InputError(f"{_name(record)} does not serve {whom}: {known_to_serve(serves)} does")
        gone, after = releases.rollback(plants, why)
        return Changed(_name(gone), gone.role.value, plants, True, known_to_serve(after), ())


def _name(record: ReleaseRecord) -> str:
    return f"{record.name} {record.version}"


def _names(records: list[ReleaseRecord]) -> tuple[str, ...]:
    return tuple(_name(record) for record in records)
