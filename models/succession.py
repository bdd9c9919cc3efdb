"""Who forecasts a plant from a place in its journal on: a new champion, a new shadow, or both change places.

Who has learned something keeps it: a shadow that becomes champion brings its bands and what it has forecast,
and a champion that becomes a shadow takes its own along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import calibration, drifting
from models.serving import key_of
from models.shadows import beside
from schemas.errors import ReleaseRefused
from schemas.records import ReleaseRole

if TYPE_CHECKING:
    from models.engine import Engine
    from models.release import Release
    from models.snapshot import Held


def hear(engine: Engine, held: Held) -> None:
    """Forecast by a release, beside one, or no longer. A second copy of a record is ignored; the first one,
    read again in a restore, counts for the plants whose state is older.

    :raises ReleaseRefused: a release that is called for must not be used; the record has no effect
    """
    record, offset, applied = held.record, held.offset, engine.fleet.state["applied_offset"]
    known = engine.serving.first_offset(record)
    if known is not None and known < offset:
        return
    kept = engine.serving.add(held)
    try:
        _load(engine, kept)
    except ReleaseRefused:
        engine.serving.drop(kept)
        raise
    for plant_id, slot in engine.slots.items():
        if (record.plants and plant_id not in record.plants) or offset <= applied[slot]:
            continue
        if take_up(engine, slot, offset):
            engine.ticker.changed(plant_id, record.known_at_ms)
        applied[slot] = offset
        engine.changed.add(plant_id)


def _load(engine: Engine, held: Held) -> None:
    """Have the models at hand that a record calls for, before it changes anything."""
    if held.record.role is not ReleaseRole.WITHDRAWN:
        engine.serving.judge(held)
    for plant_id in engine.plants:
        engine.serving.release(engine.serving.champion_at(held.offset, plant_id))
        engine.serving.release(engine.serving.shadow_at(held.offset, plant_id))


def take_up(engine: Engine, slot: int, offset: int) -> bool:
    """Let those forecast a plant who hold by the journal up to an offset; True for another champion.

    :raises ReleaseRefused: the models of one of them must not be used
    """
    plant_id = engine.fleet.ids[slot]
    wanted = engine.serving.champion_at(offset, plant_id)
    release, outlook = engine.serving.release(wanted), engine.fleet.outlooks[slot]
    changed, shadow = outlook.release is not release, engine.fleet.shadows.by_slot.get(slot)
    stood_by = changed and shadow is not None and shadow.key == key_of(wanted)
    if stood_by:
        _change_places(engine, slot, release)
    elif changed:
        outlook.adopt(release, int(engine.fleet.state["clock_ms"][slot]))
        calibration.start_again(engine.fleet.state, slot)
    if changed:
        drifting.forget_inputs(engine.fleet.state, slot)
    _take_shadow(engine, slot, engine.serving.shadow_at(offset, plant_id))
    return changed


def _change_places(engine: Engine, slot: int, release: Release) -> None:
    """The shadow, whose models these are, is champion, and the champion is shadow."""
    fleet, shadow = engine.fleet, engine.fleet.shadows.by_slot[slot]
    leaves = fleet.outlooks[slot]
    comes = shadow.outlook or beside(leaves, release, int(fleet.state["clock_ms"][slot]))
    fleet.outlooks[slot], shadow.outlook = comes, leaves
    shadow.key = engine.serving.key_of_release(leaves.release)
    shadow.published_ms = int(fleet.state["issued_ms"][slot])
    for field in engine.fleet.shadows.columns.fields:
        ours, theirs = fleet.state[field.name], engine.fleet.shadows.columns[field.name]
        kept = ours[slot].copy()
        ours[slot], theirs[shadow.row] = theirs[shadow.row], kept


def _take_shadow(engine: Engine, slot: int, wanted: Held | None) -> None:
    """Let a release run beside the plant's champion, or nobody.

    A new one begins with the champion's bands and learns quickly. Whoever was champion just now goes on with
    its own bands, also where the record that makes it the shadow comes a little later.
    """
    shadows, champion = engine.fleet.shadows, engine.fleet.outlooks[slot]
    clock_ms = int(engine.fleet.state["clock_ms"][slot])
    shadow = shadows.by_slot.get(slot)
    if wanted is None:
        shadows.end(slot)
    elif shadow is None or shadow.key != key_of(wanted):
        outlook = beside(champion, engine.serving.release(wanted), clock_ms)
        row = shadows.begin(slot, key_of(wanted), outlook).row
        for field in calibration.FIELDS:
            shadows.columns[field.name][row] = engine.fleet.state[field.name][slot]
        calibration.start_again(shadows.columns, row)
    elif shadow.outlook is None:
        shadow.outlook = beside(champion, engine.serving.release(wanted), clock_ms)
