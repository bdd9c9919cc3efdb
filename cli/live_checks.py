"""How the champions do live: which of them must go, and which shall be trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumers.live_losses import beside_persistence, side_by_side
from consumers.releases import champion, identity, predecessor, shadow
from models.live_losses import Live, against_promise, compared
from models.retraining import Reason
from schemas.errors import ReleaseRefused

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from cli.releasing import Releases
    from infra.settings import Settings
    from schemas.records import ReleaseRecord


@dataclass(frozen=True)
class Group:
    """Plants under one champion that runs beside one shadow; a rollback is for `scope`, empty for all."""

    champion: ReleaseRecord
    shadow: ReleaseRecord | None
    plants: tuple[str, ...]
    scope: tuple[str, ...]


@dataclass(frozen=True)
class Rollback:
    """A champion that must go, why in one line, and the numbers."""

    group: Group
    reason: str
    live: Live

    def to_json(self) -> dict[str, Any]:
        """What the withdrawn record keeps."""
        return {"reason": self.reason, "automatic": True, "live": self.live.to_json()}


def groups(records: list[ReleaseRecord], plants: Sequence[str]) -> list[Group]:
    """The plants by what serves them; a shadow counts only where it is the champion before."""
    found: dict[tuple[Any, ...], list[str]] = {}
    about: dict[tuple[Any, ...], Group] = {}
    for plant_id in plants:
        serves = champion(records, plant_id)
        if serves is None:
            continue
        before, beside = predecessor(records, plant_id), shadow(records, plant_id)
        if before is None or beside is None or identity(before) != identity(beside):
            beside = None
        key = (identity(serves), beside and identity(beside), serves.plants)
        found.setdefault(key, []).append(plant_id)
        about[key] = Group(serves, beside, tuple(found[key]), serves.plants)
    return list(about.values())


def rollbacks(cursor: cursor, found: Settings, releases: Releases, of: Sequence[Group]) -> list[Rollback]:
    """Champions that do worse live than the shadow before them, or, without one, far worse than promised."""
    made = []
    for group in of:
        name = f"{group.champion.name} {group.champion.version}"
        if group.shadow is not None:
            live = compared(side_by_side(cursor, group.champion, group.shadow, group.plants))
            if live.worse(found.schedule_live_days):
                against = f"{group.shadow.name} {group.shadow.version}"
                made.append(Rollback(group, f"{name} does worse live than {against}: {_said(live)}", live))
        elif found.schedule_rollback_factor:
            promised = _against_promise(cursor, releases, group, found.schedule_rollback_factor)
            if promised is not None and promised.worse(found.schedule_live_days):
                times = f"{found.schedule_rollback_factor:g} times the errors that it promised"
                made.append(Rollback(group, f"{name} makes over {times}: {_said(promised)}", promised))
    return made


def fallen(cursor: cursor, found: Settings, releases: Releases, of: Sequence[Group]) -> list[Reason]:
    """Champions whose live skill is not what their held-back days promised."""
    made = []
    for group in of if found.schedule_skill_factor else ():
        live = _against_promise(cursor, releases, group, found.schedule_skill_factor)
        if live is not None and live.worse(found.schedule_live_days):
            name = f"{group.champion.name} {group.champion.version}"
            key = f"skill:{name}:{','.join(group.scope)}"
            times = f"{found.schedule_skill_factor:g} times what was promised"
            made.append(Reason("skill", key, f"errors of {name} are over {times}: {_said(live)}"))
    return made


def _against_promise(cursor: cursor, releases: Releases, group: Group, factor: float) -> Live | None:
    """None where the promise was made with weather of afterwards: no live forecast can keep it."""
    try:
        manifest = releases.manifest(group.champion)
    except ReleaseRefused:
        return None  # another version of gridcast made it; workers do not serve it either
    scores = manifest.get("scores", {})
    if manifest.get("hindsight") or not scores:
        return None
    return against_promise(beside_persistence(cursor, group.champion, group.plants), scores, factor)


def _said(live: Live) -> str:
    p = "-" if live.test is None else f"{live.test.p_worse:.4f}"
    return (
        f"{100 * live.first:.2f} % of capacity against {100 * live.second:.2f} % in {live.days} days, p = {p}"
    )
